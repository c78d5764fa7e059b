"""The pages as a browser asks for them, without one."""

import html
import re
from urllib.parse import quote, unquote

import pytest
import requests

from prograde.entrypoints.web import pages_professionals
from prograde.entrypoints.web.rendering import STATIC, asset
from tests.web.service import AS_OF, EVERYBODY, WAITING, Service

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
FAILED = EVERYBODY[:3]
ROSTER = "\n".join(["professional_id", *EVERYBODY]).encode()


def page(service: Service, path: str, status: int = 200) -> str:
    response = service.get(path, status, headers=BROWSER)
    assert "text/html; charset=utf-8" == response.headers["Content-Type"]
    return response.text


def form(service: Service, status: int = 200, roster: bytes | None = ROSTER, **fields: str) -> requests.Response:
    """Send the form for a new batch as a browser does."""
    given = {
        "source": "source",
        "as_of": str(AS_OF),
        "attribution": "split",
        "include_active": "on",
        "tier-0-name": "A",
        "tier-0-minimum_volume": "$5,000,000",
        "tier-0-process": "on",
        "tier-1-name": "F",
        "tier-1-process": "on",
        **fields,
    }
    files = {"roster": ("my <b>roster</b>.csv", roster)} if roster is not None else {"roster": ("", b"")}
    return service.post("/new", status, headers=BROWSER, data=given, files=files, allow_redirects=False)


def hidden(text: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', text)
    assert found, f"no {name} in the form"
    return found[1]


def errors_of(text: str) -> dict[str, str]:
    found = re.findall(r'<div id="([\w-]+)-error">(.*?)</div>', text, re.DOTALL)
    return {name: re.sub("<[^>]+>", " ", said).strip() for name, said in found}


def test_a_form_is_estimated_first_and_then_started_once(service: Service) -> None:
    estimate = form(service, do="estimate").text
    assert "Start the batch" in estimate
    kept = {name: hidden(estimate, name) for name in ("kept", "kept_name", "estimated", "key")}

    started = [form(service, 303, roster=None, do="start", **kept).headers["Location"] for _ in range(2)]

    assert started[0] == started[1]
    batch_id = started[0].split("/")[2].partition("?")[0]
    service.finished(batch_id)
    assert f"{len(EVERYBODY)} of {len(EVERYBODY)}" in page(service, f"/batches/{batch_id}")
    assert "as batch" in form(service, do="estimate").text


def test_what_is_changed_after_the_estimate_is_estimated_again(service: Service) -> None:
    estimate = form(service, do="estimate").text
    kept = {name: hidden(estimate, name) for name in ("kept", "kept_name", "estimated", "key")}

    again = form(service, 200, roster=None, do="start", **kept | {"as_of": "2026-05-31"}).text

    assert "You changed something since the last estimate" in again
    assert hidden(again, "estimated") != kept["estimated"]


def test_each_mistake_stands_at_its_field_and_what_was_typed_is_kept(service: Service) -> None:
    text = form(
        service,
        400,
        roster=b"name\nAnn\n",
        **{
            "source": "nowhere",
            "as_of": "soon",
            "page_limit": "0",
            "tier-0-minimum_volume": "<script>",
            "tier-5-name": "bad/name",
            "tier-5-process": "on",
        },
    ).text

    assert {"source", "as_of", "page_limit", "roster", "tier-0-minimum_volume", "tier-5-name"} == set(errors_of(text))
    assert 'value="&lt;script&gt;"' in text
    assert 'value="bad/name"' in text
    assert "<script>" not in text.replace('<script src="', "")
    assert "my &lt;b&gt;roster&lt;/b&gt;.csv" in text


def test_contradictions_of_the_tiers_stand_at_the_line_that_holds_them(service: Service) -> None:
    worse = {"tier-4-name": "G", "tier-4-minimum_volume": "9,000,000", "tier-4-process": "on"}
    text = form(service, 400, ROSTER, **worse).text

    assert {"tier-1-minimum_volume", "tier-4-minimum_volume", "tier-4-name"} >= set(errors_of(text)) != set()


def test_a_form_without_a_ticked_tier_or_a_roster_says_so(service: Service) -> None:
    fields = {"tier-0-name": "A", "tier-0-process": "on"}
    response = service.post("/new", 400, headers=BROWSER, data={"source": "source", "attribution": "full"} | fields)
    assert {"roster"} == set(errors_of(response.text))
    del fields["tier-0-process"]
    response = service.post("/new", 400, headers=BROWSER, data={"source": "source", "attribution": "full"} | fields)
    assert {"roster", "tiers_to_process"} == set(errors_of(response.text))


def test_a_roster_of_before_can_be_used_again_and_a_batch_be_run_again(service: Service, finished: str) -> None:
    again = page(service, f"/new?like={finished}")
    assert f'<option value="{finished}" selected>' in again

    estimate = form(service, do="estimate", roster=None, stored_roster=finished).text

    assert f"<dt>Professionals</dt><dd>{len(EVERYBODY) + 1}</dd>" in estimate


def test_a_batch_is_run_again_with_the_file_that_loads_as_its_source(service: Service) -> None:
    sources = service.folder / "sources"
    text = (sources / "source.yaml").read_text(encoding="utf-8")
    other = sources / "in-a-file.yaml"
    other.write_text(re.sub(r"(?m)^name: .*$", "name: called-otherwise", text), encoding="utf-8")
    started = service.post(
        "/v1/batches", 202, data={"source": "in-a-file"}, files={"roster": ("roster.csv", b"professional_id\nA1\n")}
    ).json()
    assert "called-otherwise" == service.machine.services.store.newest(None, 1)[0].source
    service.finished(started["batch_id"])

    again = page(service, f"/new?like={started['batch_id']}")
    other.unlink()

    assert '<option value="in-a-file" selected>' in again


def test_a_roster_that_is_sent_goes_before_the_one_of_the_batch_that_is_run_again(
    service: Service, finished: str
) -> None:
    text = form(service, do="estimate", roster=b"professional_id\nA1\nA2\n", stored_roster=finished).text

    assert "<dt>Professionals</dt><dd>2</dd>" in text
    assert f'<option value="{finished}" selected>' not in text


def test_a_roster_that_is_too_large_is_refused_with_the_limit_and_the_remedy(service: Service) -> None:
    remedy = "at most 32 MB; of a roster, send the professional_id column alone"

    for length in (33_000_000, 41_000_000):
        roster = b"professional_id\n" + b"A" * length
        assert remedy in form(service, 413, roster=roster).text
        sent = service.post("/v1/batches", 413, data={"source": "source"}, files={"roster": ("roster.csv", roster)})
        assert f"send {remedy}" == sent.json()["detail"]
    assert "At most 32 MB" in page(service, "/new")


def test_a_kept_roster_is_named_by_its_digest_and_by_nothing_else(service: Service) -> None:
    for kept in ("../../lock", "0" * 63, "A" * 64):
        assert {"roster"} == set(errors_of(form(service, 400, roster=None, kept=kept).text))
    assert "choose the file again" in form(service, 400, roster=None, kept="0" * 64).text


def test_the_history_says_who_when_how_long_and_what_came_out(service: Service, finished: str) -> None:
    text = page(service, "/")

    assert f'href="/batches/{finished}"' in text
    assert "complete" in text
    assert f'<td data-label="Professionals" class="number">{len(EVERYBODY) + 1}</td>' in text
    assert 'aria-label="A+: ' in text


def test_the_page_of_a_batch_has_its_figures_its_files_and_its_lineage(service: Service, finished: str) -> None:
    text = page(service, f"/batches/{finished}")
    export = service.get(f"/v1/batches/{finished}/exports").json()["exports"][0]

    for file in export["files"]:
        assert f'href="/v1/batches/{finished}/exports/1/{file["name"]}"' in text
        assert file["sha256"] in text
    assert export["export_digest"] in text
    assert "every figure was computed again from the raw answers, and agrees" in text
    assert "data-poll" not in text
    assert 'class="threshold"' in text


def test_a_batch_that_moves_is_asked_for_again_by_script_or_without(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    text = page(service, f"/batches/{batch_id}")

    assert 'data-poll="2"' in text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in text
    assert 'action="/batches/' in text
    assert "server error" in text


def test_the_failures_have_their_place_before_the_first_one_for_the_script_to_fill(service: Service) -> None:
    batch_id = service.finished(service.ordered(EVERYBODY[:2]))

    text = page(service, f"/batches/{batch_id}")

    assert '<section class="card" id="failures" data-live' in text
    assert "Nobody has failed." in text


def test_a_page_that_has_not_changed_is_not_sent_again(service: Service, finished: str) -> None:
    etag = service.get(f"/batches/{finished}", headers=BROWSER).headers["ETag"]

    response = service.get(f"/batches/{finished}", 304, headers=BROWSER | {"If-None-Match": etag})

    assert b"" == response.content


def test_a_batch_is_steered_by_forms_that_lead_back(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    for verb in ("pause", "cancel"):
        response = service.post(f"/batches/{batch_id}/{verb}", 303, headers=BROWSER, allow_redirects=False)
        assert f"/batches/{batch_id}" == response.headers["Location"]
    service.finished(batch_id)
    assert "cancelled" in page(service, f"/batches/{batch_id}")
    refused = service.post(f"/batches/{batch_id}/pause", 409, headers=BROWSER)
    assert "That does not go now" in refused.text


def test_a_paused_batch_is_resumed(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    service.post(f"/batches/{batch_id}/resume", 303, headers=BROWSER, allow_redirects=False)
    service.finished(batch_id)


def test_dead_letters_are_replayed_and_discarded_from_their_list(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    path = f"/batches/{batch_id}/dead-letters"
    assert all(f'value="{name}"' in page(service, path) for name in FAILED)
    assert "Nobody of this batch" in page(service, f"{path}?cause=timeout")

    service.post(path, 303, data={"id": FAILED[0], "do": "discard chosen"}, allow_redirects=False)
    assert f'value="{FAILED[0]}"' not in page(service, path)
    assert FAILED[0] in page(service, f"{path}?discarded=1")
    assert ">server error</a>" in page(service, path), "a number would count the discarded one too"

    service.post(path, 303, data={"do": "replay all", "cause": "server_error"}, allow_redirects=False)
    assert "Nobody of this batch" in page(service, f"{path}?cause=server_error")
    nobody = service.post(path, 400, headers=BROWSER, data={"do": "replay chosen"})
    assert "tick the professionals that are meant" in nobody.text


def test_to_discard_all_is_asked_about_first(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    path = f"/batches/{batch_id}/dead-letters"

    for asked, said in (("", "Discard all…"), ("?cause=server_error", "Discard all of this cause…")):
        text = page(service, f"{path}{asked}")
        (asking,) = re.findall(r"<details class=.menu in-line.>(.*?)</details>", text, re.DOTALL)
        summary, _, menu = asking.strip().removeprefix("<summary>").partition("</summary>")
        assert said == summary
        assert 'class="danger" name="do" value="discard all"' in menu
        assert 1 == text.count('value="discard all"')


def test_nobody_of_a_cancelled_batch_can_be_replayed_and_the_list_says_why(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    path = f"/batches/{batch_id}/dead-letters"
    assert 'value="replay all"' in page(service, path)
    service.post(f"/batches/{batch_id}/cancel", 303, allow_redirects=False)

    text = page(service, path)

    assert 'value="replay' not in text
    assert 'value="discard all"' in text
    assert "The batch was cancelled" in text


def test_professionals_are_found_by_id_by_name_and_by_grade(service: Service, finished: str) -> None:
    path = f"/batches/{finished}/professionals"
    rows = service.get(f"/v1/batches/{finished}/grades").json()["rows"]
    best = rows[0]

    assert best["full_name"] in page(service, path)
    assert best["full_name"] in page(service, f"{path}?q={best['professional_id']}")
    assert best["professional_id"] in page(service, f"{path}?q={quote(best['full_name'].lower())}")
    assert best["professional_id"] in page(service, f"{path}?grade={quote(best['grade'])}")
    assert "nobody/at all" in page(service, f"{path}?grade=none")
    assert "Nobody found" in page(service, f"{path}?q=zzz")


def test_a_search_shows_who_is_published_once_and_with_a_rank_and_the_others_behind(
    service: Service, finished: str
) -> None:
    best = service.get(f"/v1/batches/{finished}/grades").json()["rows"][0]
    path = f"/batches/{finished}/professionals?q="

    text = page(service, f"{path}{best['professional_id']}")
    assert ["1"] == re.findall(r'<td data-label="Rank" class="number">(.*?)</td>', text)
    assert ["–"] == re.findall(r'data-label="Rank" class="number">(.*?)</td>', page(service, f"{path}nobody"))  # noqa: RUF001  # no rank
    assert "Nobody found" in page(service, f"{path}{best['professional_id']}&grade=F")


def pages_by_id(service: Service, path: str) -> list[list[str]]:
    """Go from page to page by id, and list the ids on each."""
    pages: list[list[str]] = []
    while path and len(pages) < len(EVERYBODY):
        text = page(service, path)
        pages.append(
            [unquote(name) for name in re.findall(r'<th scope="row" class="break"><a href="[^"]*/([^"/]+)">', text)]
        )
        links = re.findall(r'href="([^"]*)">Next(?: by id)?</a>', text)
        path = html.unescape(links[-1]) if links else ""
    return pages


def test_who_is_found_by_id_is_found_to_the_end(
    service: Service, finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_professionals, "SHOWN", 6)
    paused = service.with_dead_letters(FAILED)
    everybody = sorted([*WAITING, *FAILED])

    listed = pages_by_id(service, f"/batches/{paused}/professionals")
    assert ([6, 6, 1], everybody) == ([len(ids) for ids in listed], [each for ids in listed for each in ids])
    assert 'professionals?q=none-begins-so">First' in page(
        service, f"/batches/{paused}/professionals?q=none-begins-so&from=none-begins-so"
    )

    first, *others = pages_by_id(service, f"/batches/{finished}/professionals?q={EVERYBODY[0][:2]}")
    assert 6 == len(first)
    assert sorted(EVERYBODY)[6:] == [each for ids in others for each in ids]


def test_the_additions_of_a_professional_s_pages_are_its_volume(service: Service, finished: str) -> None:
    best = service.get(f"/v1/batches/{finished}/grades").json()["rows"][0]
    text = page(service, f"/batches/{finished}/professionals/{best['professional_id']}")

    added = [float(amount.replace(",", "")) for amount in re.findall(r"<strong>\+\$([0-9.,]+)</strong>", text)]
    assert added
    assert float(best["volume"]) == pytest.approx(sum(added))
    assert f"Why {best['grade']}" in text


def test_an_id_with_awkward_characters_has_a_page(service: Service, finished: str) -> None:
    text = page(service, f"/batches/{finished}/professionals/{quote('nobody/at all')}")
    assert "not found" in text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/batches/no-such-batch", "/batches/no-such-batch/professionals", "/assets/nothing.css"]
)
def test_a_browser_is_told_of_what_is_not_there_by_a_page(service: Service, path: str) -> None:
    assert "There is nothing here" in page(service, path, 404)


@pytest.mark.parametrize(("run", "status"), [("1", 200), ("0", 400), ("x", 400), ("99999", 400), ("2", 404)])
def test_a_run_that_is_none_is_refused(service: Service, finished: str, run: str, status: int) -> None:
    page(service, f"/batches/{finished}?run={run}", status)


@pytest.mark.parametrize(
    "path", ["/?after=x", "/batches/{}/professionals?after=7", "/batches/{}/professionals?grade=Z"]
)
def test_a_query_that_no_page_links_to_is_refused_with_its_field(service: Service, finished: str, path: str) -> None:
    assert "That cannot be read" in page(service, path.format(finished), 400)


@pytest.mark.parametrize("name", STATIC)
def test_a_file_of_ours_is_kept_as_long_as_it_is_the_same(service: Service, name: str) -> None:
    named = service.get(asset(name).address)
    assert "immutable" in named.headers["Cache-Control"]
    assert "no-cache" == service.get(f"/assets/{name}").headers["Cache-Control"]
    assert asset(name).content == named.content


def test_the_sources_tell_their_limits_their_last_good_batch_and_what_is_wrong(service: Service, finished: str) -> None:
    broken = service.folder / "sources" / "broken.yaml"
    broken.write_text("name: broken\n", encoding="utf-8")
    text = page(service, "/sources")
    broken.unlink()

    assert "1,000 a second" in text
    assert "not usable" in text
    assert "rate_limits: is missing" in text
    assert "as of 2026-06-30</a>, finished" in text


def test_a_stored_roster_keeps_ids_with_commas_and_quotes(service: Service) -> None:
    awkward = 'x, "y"; z'
    roster = b'professional_id\n"x, ""y""; z"\nA1\n'
    estimate = form(service, do="estimate", roster=roster).text
    kept = {name: hidden(estimate, name) for name in ("kept", "kept_name", "estimated", "key")}
    started = form(service, 303, roster=None, do="start", **kept).headers["Location"]
    batch_id = service.finished(started.split("/")[2].partition("?")[0])

    again = form(service, do="estimate", roster=None, stored_roster=batch_id).text

    assert "<dt>Professionals</dt><dd>2</dd>" in again
    assert "not found" in page(service, f"/batches/{batch_id}/professionals/{quote(awkward)}")
