"""The standings of accounts in memory that forked processes share, exact across all of them.

One slot of whole numbers per account, and one lock per slot: a record lock of the kernel's (POSIX), which belongs to
a process and not to a file descriptor that all of them inherited, and which the kernel releases when the process ends,
however it ends. No process holds two at once, so none waits for another in a circle.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import tempfile
from collections.abc import Iterator
from typing import IO

from mixtral_contract.mock.accounts.accounts import Account, AccountState
from mixtral_contract.mock.accounts.rate_limits import Quota

_NUMBER_BYTES = 16
_NUMBERS = 3
_SLOT_BYTES = 64
"""A slot is padded to a cache line; its numbers have 128 bits, more than any account needs."""


class SharedAccountStates:
    """Room for the standings of so many accounts, to be made before the fork and used after it."""

    def __init__(self, accounts: int) -> None:
        size = accounts * _SLOT_BYTES
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the ledger is
        self._file.truncate(size)
        self._memory = mmap.mmap(self._file.fileno(), size)
        self._slots = 0

    def close(self) -> None:
        """Gives the memory back; the standings are of no use then."""
        self._memory.close()
        self._file.close()

    def standing(self, account: Account) -> AccountState:
        """The standing of one more account, which has its own slot."""
        self._slots += 1
        return _SharedStanding(account, self._file, self._memory, (self._slots - 1) * _SLOT_BYTES)


class _SharedStanding(AccountState):
    """A standing whose numbers are in the shared memory; here they are only while the lock is held."""

    def __init__(self, account: Account, file: IO[bytes], memory: mmap.mmap, offset: int) -> None:
        super().__init__(account)
        self._file, self._memory, self._offset = file, memory, offset
        self._write()

    def take(self, now_ns: int, tokens: int = 0) -> Quota:
        """As AccountState does, with what all processes took."""
        with self._held():
            return super().take(now_ns, tokens)

    @property
    def left(self) -> int:
        """As AccountState says, over all processes."""
        with self._held():
            return super().left

    def charge(self, price: int) -> int | None:
        """As AccountState does, from what all processes share."""
        with self._held():
            return super().charge(price)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT_BYTES, self._offset)
        try:
            self._read()
            yield
            self._write()
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT_BYTES, self._offset)

    def _read(self) -> None:
        slot = self._memory[self._offset : self._offset + _NUMBERS * _NUMBER_BYTES]
        self._left, self._requests_full_at, self._tokens_full_at = (
            int.from_bytes(slot[start : start + _NUMBER_BYTES], "little")
            for start in range(0, _NUMBERS * _NUMBER_BYTES, _NUMBER_BYTES)
        )

    def _write(self) -> None:
        numbers = (self._left, self._requests_full_at, self._tokens_full_at)
        slot = b"".join(number.to_bytes(_NUMBER_BYTES, "little") for number in numbers)
        self._memory[self._offset : self._offset + len(slot)] = slot
