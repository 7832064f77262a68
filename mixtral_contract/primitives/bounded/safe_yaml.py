"""YAML from files that somebody gives, as values: bounded, and with one kind of error for whatever is wrong.

A few bytes of YAML may ask for a list within a list 50,000 times (which overflows the stack of libyaml's own composer,
and with it the process), for more values than fit into memory (aliases, merge keys), for a value within itself, or for
a number that no text can show. So the values are composed here, from the parser's events, and counted on the way:
depth, values as written, and values with all aliases written out. Names that stand twice in one mapping are refused,
which PyYAML lets pass.

Bounds: `MOST_BYTES` of text, `DEEPEST` levels, `MOST_VALUES` values, numbers of `LONGEST_NUMBER` characters. A document
that keeps them is read within seconds; what does not is refused where the bound is passed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

MOST_BYTES = 64 * 1024 * 1024
DEEPEST = 100
MOST_VALUES = 1_000_000
MOST_ALIASED = 100_000
"""How many values aliases may repeat, all of them together: merge keys copy these several times over."""

LONGEST_NUMBER = 1000
"""Characters; Python shows no integer of more than 4300 digits."""

_Parser: Any = getattr(getattr(yaml, "cyaml", None), "CParser", yaml.SafeLoader)
"""libyaml's where it is there: ten times faster, which a start feels."""

_TOO_DEEP = f"too many lists and mappings within each other, more than {DEEPEST}"
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class YamlError(yaml.YAMLError, ValueError):
    """A text that is no YAML, or passes a bound; the message is one line and ends with the place, where one is known.

    `line` is counted from 1, `place` is in words; `got` repeats nothing of the text unless `quotes` is true.
    """

    def __init__(self, got: str, mark: Any = None, *, expected: str = "YAML", quotes: bool = False) -> None:
        self.got = got
        self.quotes = quotes
        self.line: int | None = None if mark is None else mark.line + 1
        self.place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
        at = f" at {self.place}" if self.place else ""
        super().__init__(f"expected {expected}, got {got}{at}")


class _BoundedComposer(Composer):
    """Composes nodes from events; stands before the parser that makes these."""

    def __init__(self) -> None:
        Composer.__init__(self)
        self._depth = 0
        self._written = 0
        self._aliased = 0
        self._open: set[str] = set()
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The node of the next events.

        Raises: YamlError past a bound, yaml.YAMLError when they are no node.
        """
        event: Any = self.peek_event()  # type: ignore[attr-defined]  # the parser's
        if isinstance(event, yaml.AliasEvent):
            self._repeat(event)
            return super().compose_node(parent, index)
        before = self._written + self._aliased
        self._written += 1
        _check(self._written, MOST_VALUES, f"more than {MOST_VALUES} values", event)
        self._depth += 1
        _check(self._depth, DEEPEST, _TOO_DEEP, event)
        anchor = event.anchor
        if anchor is not None:
            self._open.add(anchor)
        node = super().compose_node(parent, index)
        if anchor is not None:
            self._open.discard(anchor)
            self._sizes[anchor] = self._written + self._aliased - before
        self._depth -= 1
        if isinstance(node, yaml.MappingNode):
            _check_names(node)
        return node

    def _repeat(self, event: Any) -> None:
        """Counts what an alias stands for."""
        if event.anchor in self._open:
            raise YamlError("one within itself", event.start_mark, expected="lists and mappings that end")
        self._aliased += self._sizes.get(event.anchor, 1)
        _check(self._aliased, MOST_ALIASED, f"more than {MOST_ALIASED} values by aliases", event)


class _Constructor(SafeConstructor):
    def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  as PyYAML has it
        """The value of a node.

        Raises: YamlError when its tag or form promises a value that there is not.
        """
        if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise YamlError(f"a number of more than {LONGEST_NUMBER} characters", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, yaml.YAMLError):
                raise
            raise _none_of_its_kind(error, node.start_mark) from error


class Loader(_BoundedComposer, _Constructor, _Parser, Resolver):  # type: ignore[misc]  # no type is known of it
    """Reads safe YAML within the bounds."""

    def __init__(self, stream: str) -> None:
        _Parser.__init__(self, stream)
        _BoundedComposer.__init__(self)
        _Constructor.__init__(self)
        Resolver.__init__(self)


def read(path: Path, loader: type[Loader] = Loader) -> Any:
    """What a YAML file says; an empty one says None.

    Raises: OSError when it cannot be read, YamlError when it is no UTF-8, no YAML, or passes a bound.
    """
    return parse(content(path), loader)


def content(path: Path) -> bytes:
    """The bytes of a file, which may be one without end.

    Raises: OSError, YamlError when there are more than MOST_BYTES.
    """
    with path.open("rb") as file:
        received = file.read(MOST_BYTES + 1)
    _check_size(received)
    return received


def parse(text: str | bytes, loader: type[Loader] = Loader) -> Any:
    """What the text says.

    Raises: YamlError when it is no UTF-8, no YAML, has a value that is none of its kind, or passes a bound.
    """
    return _with(loader, text, "get_single_data")


def compose(text: str | bytes) -> yaml.Node | None:
    """The text as nodes, nothing converted; None for an empty one.

    Raises: as `parse` does.
    """
    node: yaml.Node | None = _with(Loader, text, "get_single_node")
    return node


def _with(loader: type[Loader], text: str | bytes, method: str) -> Any:
    reader = None
    try:
        _check_size(text)
        reader = loader(text if isinstance(text, str) else text.decode("utf-8-sig"))
        return getattr(reader, method)()
    except YamlError:
        raise
    except UnicodeDecodeError as error:
        raise YamlError(f"something else at byte {error.start}", expected="UTF-8") from error
    except yaml.YAMLError as error:
        raise _error(error, text) from error
    except RecursionError as error:
        raise YamlError(_TOO_DEEP) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _none_of_its_kind(error) from error
    finally:
        if reader is not None:
            reader.dispose()


def _error(error: yaml.YAMLError, text: str | bytes) -> YamlError:
    """PyYAML's error in one line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    lines = (text if isinstance(text, str) else text.decode("utf-8", "replace")).split("\n")
    if mark is not None and mark.line >= len(lines):
        # libyaml sees another line behind the last one
        mark = yaml.Mark("", 0, len(lines) - 1, len(lines[-1]), None, 0)
    return YamlError(_line(problem), mark, quotes=True)


def _none_of_its_kind(error: Exception, mark: Any = None) -> YamlError:
    return YamlError(f"a value that is none of its kind ({_line(error)})", mark, quotes=True)


def _check_size(text: str | bytes) -> None:
    if len(text) > MOST_BYTES:
        raise YamlError("more", expected=f"at most {MOST_BYTES} bytes")


def _check(count: int, most: int, got: str, event: Any) -> None:
    if count > most:
        raise YamlError(got, event.start_mark)


def _check_names(node: yaml.MappingNode) -> None:
    names = [(name.tag, name.value) for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
    if len(set(names)) == len(names):
        return
    seen: set[tuple[str, str]] = set()
    for name, _ in node.value:
        if isinstance(name, yaml.ScalarNode) and name.tag != _MERGE:
            if (name.tag, name.value) in seen:
                raise YamlError("one again", name.start_mark, expected="each name once")
            seen.add((name.tag, name.value))


def _line(error: object) -> str:
    return " ".join(str(error).split())[:200]
