"""How hard hypothesis tries: the same few examples in every `make test`, ever new ones in `make fuzz`."""

from hypothesis import settings

PROFILE = "fuzz"


def effort(examples: int) -> settings:
    """Settings of one property, whose cost decides its number of examples."""
    if settings.get_current_profile_name() == PROFILE:
        return settings()
    return settings(max_examples=examples, derandomize=True)
