import pytest

from prograde.errors import InputError
from prograde.settings import MailSettings, NotificationSettings, read_notifications


def test_nobody_is_told_by_default() -> None:
    assert NotificationSettings() == read_notifications({})


def test_webhook_and_mail_are_read() -> None:
    env = {
        "PROGRADE_SLACK_WEBHOOK": "https://chat.example.org/hooks/1",
        "PROGRADE_MAIL_SERVER": "smtps://me:pass%40word@mail.example.org",
        "PROGRADE_MAIL_FROM": "prograde@example.org",
        "PROGRADE_MAIL_TO": "a@example.org, b@example.org",
    }
    mail = MailSettings(env["PROGRADE_MAIL_SERVER"], "prograde@example.org", ("a@example.org", "b@example.org"))
    assert NotificationSettings(env["PROGRADE_SLACK_WEBHOOK"], mail) == read_notifications(env)


def test_everything_that_is_wrong_is_told_at_once_and_no_secret_of_it() -> None:
    env = {
        "PROGRADE_SLACK_WEBHOOK": "chat.example.org/t0ps3cret",
        "PROGRADE_MAIL_SERVER": "mail://me:t0ps3cret@mail.example.org",
        "PROGRADE_MAIL_FROM": "nobody",
        "PROGRADE_MAIL_TO": "a@example.org\nBcc: b@example.org",
    }
    with pytest.raises(InputError) as caught:
        read_notifications(env)
    assert [
        "PROGRADE_SLACK_WEBHOOK",
        "PROGRADE_MAIL_SERVER",
        "PROGRADE_MAIL_FROM",
        "PROGRADE_MAIL_TO",
    ] == [problem.field for problem in caught.value.problems]
    assert "t0ps3cret" not in str(caught.value)


def test_recipients_without_a_server_are_a_mistake() -> None:
    with pytest.raises(InputError, match="PROGRADE_MAIL_SERVER"):
        read_notifications({"PROGRADE_MAIL_TO": "a@example.org", "PROGRADE_MAIL_FROM": "b@example.org"})
