"""Who is told of what is announced on one machine; the cloud has Terraform's notification channels."""

from prograde.adapters.local.notifier import Channel, Mail, Notifier, SlackWebhook
from prograde.settings import NotificationSettings


def notifier(settings: NotificationSettings) -> Notifier:
    """Build what tells people, by the channels that are set."""
    channels: list[Channel] = []
    if settings.slack_webhook:
        channels.append(SlackWebhook(settings.slack_webhook))
    if settings.mail is not None:
        channels.append(Mail(settings.mail.server, settings.mail.sender, settings.mail.recipients))
    return Notifier(channels)
