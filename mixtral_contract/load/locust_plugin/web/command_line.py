"""What the web page cannot change: the target that the key and the consent on the command line are for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

from mixtral_contract.load.settings.options import OPTIONS
from mixtral_contract.load.settings.settings import Settings, UsageError
from mixtral_contract.primitives.base_url import BaseUrl

WITHHELD = "load_key_withheld"
"""Under this name the options that workers get say that the run's target is not the command line's."""

_KEPT = tuple(option.flag.removeprefix("--").replace("-", "_") for option in OPTIONS if not option.in_web_ui)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The command line as it was before a page could change anything; `target` None: it named none."""

    target: BaseUrl | None
    kept: tuple[tuple[str, object], ...]

    @classmethod
    def of(cls, options: argparse.Namespace, host: str | None) -> CommandLine:
        """The command line that these options came from."""
        named = options.endpoint or host
        try:
            target = BaseUrl.parse(named) if named else None
        except ValueError:
            target = None
        return cls(target, tuple((name, getattr(options, name)) for name in _KEPT))

    def restore(self, options: argparse.Namespace) -> None:
        """Gives the options back that no page may set: the key's variable, prices, budget and consent among them."""
        for name, value in self.kept:
            setattr(options, name, value)

    def limit(self, settings: Settings, options: argparse.Namespace) -> Settings:
        """The settings of a run; without the key where its target is another than the command line's.

        Raises: UsageError when such a run may cost money: what was agreed to was another target.
        """
        is_ours = self.target is not None and _origin(self.target) == _origin(settings.target)
        setattr(options, WITHHELD, not is_ours)
        if not is_ours and settings.is_paid:
            raise UsageError(
                f"--host: expected the command line's target, got {settings.target.url}, which may cost money: name it "
                "on the command line"
            )
        return settings if is_ours else withheld(settings)


def withheld(settings: Settings) -> Settings:
    """The settings without the key, and without headers that hold a secret: the mock's own key opens nothing else."""
    headers = tuple(header for header in settings.changes.headers if header.variable is None)
    return replace(settings, key_variable=None, changes=replace(settings.changes, headers=headers))


def _origin(url: BaseUrl) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port
