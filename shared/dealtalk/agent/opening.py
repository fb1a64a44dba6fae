"""From a profile and the deployment's settings to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.model import ModelEndpoint, OpenAiModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.agent.profile import Profile
    from dealtalk.crm.secrets import Secrets
    from dealtalk.ports import Model
    from dealtalk.settings import Settings

DEFAULT_BASE_URL = "https://api.openai.com/v1"
NO_KEY = "none"
"""Sent to an endpoint that asks for no key; the client library insists on one."""


def model_opener(settings: Settings, secrets: Secrets) -> Callable[[Profile], Model]:
    """Return what opens a profile's model: its own name and base URL, else the deployment's; its fallback behind it.

    The model's secret holds `api_key`, and `fallback_api_key` where the fallback's differs; a bare text is the key.
    """

    def open_model(profile: Profile) -> Model:
        rules = profile.model
        keys = secrets.read(settings.model_secret) if settings.model_secret else {}
        key = keys.get("api_key") or keys.get("token") or NO_KEY
        base_url = rules.base_url or settings.model_base_url or DEFAULT_BASE_URL
        endpoints = [ModelEndpoint(base_url, key, rules.name or settings.model)]
        if rules.fallback or rules.fallback_base_url:
            fallback_key = keys.get("fallback_api_key") or key
            model = rules.fallback or rules.name or settings.model
            endpoints.append(ModelEndpoint(rules.fallback_base_url or base_url, fallback_key, model))
        return OpenAiModel(
            endpoints,
            temperature=rules.temperature,
            max_output_tokens=rules.max_output_tokens,
            acting=rules.acting,
            longest_call=settings.model_timeout,
        )

    return open_model
