import pytest

from tests.web.service import EVERYBODY, WAITING, Service

FAILED = EVERYBODY[:3]


def test_dead_letters_are_listed_a_page_at_a_time(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    first = service.get(f"/v1/batches/{batch_id}/dead-letters", params={"limit": 2}).json()
    second = service.get(f"/v1/batches/{batch_id}/dead-letters", params={"cursor": first["next"]}).json()
    listed = [letter["professional_id"] for letter in first["dead_letters"] + second["dead_letters"]]
    assert (sorted(FAILED), None) == (listed, second["next"])
    assert {"server_error"} == {letter["cause"] for letter in first["dead_letters"]}
    assert {"server_error": 3} == service.get(f"/v1/batches/{batch_id}").json()["by_cause"]
    others = service.get(f"/v1/batches/{batch_id}/dead-letters", params={"cause": "timeout"}).json()
    assert [] == others["dead_letters"]


def test_a_dead_letter_shows_its_evidence(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    shown = service.get(f"/v1/batches/{batch_id}/dead-letters/{FAILED[0]}").json()
    assert ("failure_limit", "server_error: status 500") == (shown["letter"]["stop_reason"], shown["letter"]["failure"])
    service.get(f"/v1/batches/{batch_id}/dead-letters/{WAITING[-1]}", 409)
    service.get(f"/v1/batches/{batch_id}/dead-letters/replay", 404)


def test_dead_letters_are_replayed_by_id_by_cause_and_all(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    path = f"/v1/batches/{batch_id}/replay"
    assert 1 == service.post(path, json={"professional_ids": FAILED[:1]}).json()["replayed"]
    assert 0 == service.post(path, json={"cause": "timeout"}).json()["replayed"]
    assert 2 == service.post(path, json={"all": True}).json()["replayed"]
    service.post(f"/v1/batches/{batch_id}/resume")
    service.finished(batch_id)
    shown = service.get(f"/v1/batches/{batch_id}").json()
    assert ({"done": 3 + len(WAITING)}, {}) == (shown["by_state"], shown["by_cause"])


def test_a_batch_that_a_replay_made_run_again_says_when(service: Service) -> None:
    batch_id = service.finished(service.ordered(["nobody"]))
    shown = service.get(f"/v1/batches/{batch_id}").json()
    assert shown["reopened_at"] is None

    service.post(f"/v1/batches/{batch_id}/replay", json={"all": True})

    reopened_at = service.get(f"/v1/batches/{batch_id}").json()["reopened_at"]
    assert shown["finished_at"] < reopened_at
    assert reopened_at == service.get("/v1/batches").json()["batches"][0]["reopened_at"]
    service.finished(batch_id)


def test_discarded_dead_letters_are_listed_apart(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED)
    path = f"/v1/batches/{batch_id}/dead-letters"
    for count in (3, 0):
        discarded = service.post(f"/v1/batches/{batch_id}/discard", json={"all": True}).json()
        assert {"discarded": count, "has_more": False} == discarded
    assert [] == service.get(path).json()["dead_letters"]
    assert 3 == len(service.get(path, params={"discarded": "true"}).json()["dead_letters"])


@pytest.mark.parametrize(
    "choice", [{}, {"all": False}, {"all": True, "cause": "timeout"}, {"professional_ids": []}, {"all": "yes"}]
)
def test_which_dead_letters_are_meant_has_to_be_said_in_one_way(service: Service, choice: object) -> None:
    batch_id = service.with_dead_letters(FAILED[:1])
    service.post(f"/v1/batches/{batch_id}/replay", 400, json=choice)
    service.post(f"/v1/batches/{batch_id}/discard", 400, json=choice)
    assert 1 == len(service.get(f"/v1/batches/{batch_id}/dead-letters").json()["dead_letters"])


def test_a_professional_that_is_none_of_the_batch_is_not_found(service: Service) -> None:
    batch_id = service.with_dead_letters(FAILED[:1])
    for verb in ("replay", "discard"):
        service.post(f"/v1/batches/{batch_id}/{verb}", 404, json={"professional_ids": ["who"]})
