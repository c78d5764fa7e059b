"""Paginators that count: pages by number, or records by offset; the cursor is the number."""

import re
from dataclasses import dataclass

from prograde.adapters.listing_api.call import Call
from prograde.adapters.listing_api.error_handler import UnusableAnswerError
from prograde.adapters.listing_api.expressions import Expression
from prograde.adapters.listing_api.paginators import Fetched, find, unfollowable

_WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class PageNumberPaginator:
    """
    Pages are asked for by number.

    The total, where the answer states one, says which page is the last; otherwise an empty page does.
    """

    page_param: str
    base_page: int
    total_path: Expression | None
    stop_after_empty_page: bool

    def call(self, first: Call, cursor: str | None) -> Call:
        """Add the page's number to the stage's own parameters."""
        return first.with_param(self.page_param, str(self._number(cursor)))

    def next_cursor(self, fetched: Fetched) -> str | None:
        """Count on, until the total or an empty page says that this was the last."""
        number = self._number(fetched.cursor)
        total = _total(self.total_path, "pages", fetched.document)
        if total is not None and number - self.base_page + 1 >= total:
            return None
        if fetched.records:
            return str(number + 1)
        if self.stop_after_empty_page:
            return None
        raise UnusableAnswerError("malformed", f"page {number} is empty though the total says that more follow")

    def _number(self, cursor: str | None) -> int:
        return self.base_page if cursor is None else int(cursor)


@dataclass(frozen=True, slots=True)
class OffsetPaginator:
    """
    Pages are asked for by the number of records before them.

    The total number of records, where the answer states one, says which page is the last; otherwise an empty page
    does. A short page is not the last: servers give fewer records than they are asked for, because of a limit of
    their own or of records that they leave out.
    """

    offset_param: str
    limit_param: str
    limit: int
    base_offset: int
    total_path: Expression | None
    maximum_offset: int | None

    def call(self, first: Call, cursor: str | None) -> Call:
        """Add offset and limit to the stage's own parameters."""
        return first.with_param(self.offset_param, str(self._offset(cursor))).with_param(
            self.limit_param, str(self.limit)
        )

    def next_cursor(self, fetched: Fetched) -> str | None:
        """
        Count on by the records that came, not by the limit: no record is jumped over.

        An offset beyond the source's ceiling is a failure, because what lies there would be missing without a word.
        """
        offset = self._offset(fetched.cursor)
        following = offset + fetched.records
        total = _total(self.total_path, "records", fetched.document)
        if total is None:
            if not fetched.records:
                return None
        elif following - self.base_offset >= total:
            return None
        elif not fetched.records:
            raise UnusableAnswerError("malformed", f"nothing at offset {offset} though the total says that more follow")
        if self.maximum_offset is not None and following > self.maximum_offset:
            raise unfollowable("offset_ceiling", f"the source gives nothing beyond offset {self.maximum_offset:,}")
        return str(following)

    def _offset(self, cursor: str | None) -> int:
        return self.base_offset if cursor is None else int(cursor)


def _total(path: Expression | None, things: str, document: object) -> int | None:
    """Read the total that an answer states; None where the source file names none."""
    if path is None:
        return None
    total = find(path, "total_path", document)
    if isinstance(total, str) and _WHOLE_NUMBER.fullmatch(total):
        total = int(total)
    if type(total) is not int or total < 0:
        raise UnusableAnswerError("malformed", f"total_path {path.text} finds no number of {things}")
    return total
