"""What people read in a file, taken out of it: paragraphs of prose, comments, docstrings, messages, names.

Code is not prose: blocks and spans of code are left out. Each format is read by its parser: markdown-it for Markdown,
`ast` and `tokenize` for Python, PyYAML for YAML, Pygments for the comments of all others.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, String

_LEXERS = {
    ".sh": "bash",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".in": "bash",
    ".ini": "ini",
    ".json5": "javascript",
    ".mod": "javascript",
    "Makefile": "make",
    ".gitignore": "bash",
    ".gitattributes": "bash",
    ".editorconfig": "ini",
}
# Shorter literals are identifiers, keys and values of other programs more often than sentences.
_WORDS_OF_A_MESSAGE = 3
_COMMENT_MARK = re.compile(r"^\s*(#+|//|;|/\*)!?")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)|https?://\S+", re.DOTALL)


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        lines: the number of each line in the file, and the line without comment marks and indentation.
    """

    lines: tuple[tuple[int, str], ...]

    @property
    def joined(self) -> str:
        """The paragraph in one line."""
        return " ".join(line for _, line in self.lines)

    def line_at(self, offset: int) -> int:
        """The line of the file that a character of `joined` is from."""
        for number, line in self.lines:
            if offset <= len(line):
                return number
            offset -= len(line) + 1
        return self.lines[-1][0]


def texts_of(path: Path) -> list[Text]:
    """Everything in a file that people read as sentences. Empty for a file whose format is unknown."""
    content = path.read_text()
    suffix = path.suffix or path.name
    if suffix == ".md":
        return list(_of_markdown(content))
    if suffix == ".py":
        return [*_of_python_comments(content), *_of_python_strings(content)]
    if suffix == ".json":
        return list(_of_json(content))
    lexer = _LEXERS.get(suffix) or ("bash" if re.match(r"#!.*\b(ba)?sh\b", content) else None)
    if lexer is None:
        return []
    texts = list(_of_comments(content, get_lexer_by_name(lexer)))
    return [*texts, *_of_yaml(content)] if lexer == "yaml" else texts


def names_bound_in(path: Path) -> list[tuple[int, str]]:
    """The variables, parameters and attributes that a Python file gives values to, each with its line."""
    bound = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Name(id=name, ctx=ast.Store(), lineno=line):
                bound.append((line, name))
            case ast.Attribute(attr=name, ctx=ast.Store(), lineno=line):
                bound.append((line, name))
            case ast.arg(arg=name, lineno=line):
                bound.append((line, name))
            case ast.MatchAs(name=str(name), lineno=line) | ast.MatchStar(name=str(name), lineno=line):
                bound.append((line, name))
    return bound


def _paragraphs(lines: Iterable[tuple[int, str]]) -> Iterator[Text]:
    paragraph: list[tuple[int, str]] = []
    for number, line in lines:
        # An item of a list is a paragraph of its own.
        if paragraph and (not line.strip() or re.match(r"\s*[-*] ", line) or number > paragraph[-1][0] + 1):
            yield _without_code(paragraph)
            paragraph = []
        if line.strip():
            paragraph.append((number, line.strip()))
    if paragraph:
        yield _without_code(paragraph)


def _without_code(lines: list[tuple[int, str]]) -> Text:
    """Code spans and URLs become backquotes of the same length, so that positions stay."""
    whole = _CODE.sub(lambda span: re.sub(r"[^\n]", "`", span[0]), "\n".join(line for _, line in lines))
    return Text(tuple((number, line) for (number, _), line in zip(lines, whole.split("\n"), strict=True)))


def _of_markdown(content: str) -> Iterator[Text]:
    for token in MarkdownIt("commonmark").enable("table").parse(content):
        if token.type != "inline" or token.map is None:
            continue
        prose = "".join(_prose_of(child) for child in token.children or [])
        yield from _paragraphs(enumerate(prose.split("\n"), token.map[0] + 1))


def _prose_of(token: Token) -> str:
    match token.type:
        case "text" | "image":
            return token.content
        case "softbreak" | "hardbreak":
            return "\n"
        case "code_inline":
            return "`code`"
        case _:
            return ""


def _of_python_comments(content: str) -> Iterator[Text]:
    comments = [
        (token.start[0], re.sub(r"^#+:?", "", token.string))
        for token in tokenize.generate_tokens(io.StringIO(content).readline)
        if token.type == tokenize.COMMENT
    ]
    yield from _paragraphs(comments)


def _of_python_strings(content: str) -> Iterator[Text]:
    tree = ast.parse(content)
    docstrings = set()
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
                | ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
            ):
                docstrings.add(docstring)
            case ast.JoinedStr(values=values):
                inside.update(values)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if node in docstrings or (node not in inside and _is_message(text)):
                yield from _paragraphs(enumerate(text.split("\n"), node.lineno))
            case ast.JoinedStr(values=values):
                text = "".join(str(value.value) if isinstance(value, ast.Constant) else "{}" for value in values)
                if _is_message(text):
                    yield from _paragraphs(enumerate(text.split("\n"), node.lineno))


def _is_message(text: str) -> bool:
    return len(re.findall(r"[A-Za-z]{2,}", text)) >= _WORDS_OF_A_MESSAGE and " " in text


def _of_comments(content: str, lexer: Lexer) -> Iterator[Text]:
    """Comments, and in shell scripts the messages between double quotes."""
    comments: list[tuple[int, str]] = []
    quoted: list[str] | None = None
    number = began = 1
    substitutions = 0
    for kind, value in lexer.get_tokens(content):
        if kind in Comment and kind is not Comment.Hashbang:  # type: ignore[comparison-overlap]
            comments += enumerate((_COMMENT_MARK.sub("", line) for line in value.rstrip().split("\n")), number)
        if quoted is not None and value in ("$(", ")") and kind is not String.Double:
            substitutions += 1 if value == "$(" else -1
        elif substitutions:
            pass  # code
        elif kind is String.Double and value == '"':
            if quoted and _is_message("".join(quoted)):
                yield from _paragraphs(enumerate("".join(quoted).split("\n"), began))
            quoted, began = ([] if quoted is None else None), number
        elif kind is String.Double and quoted is None and _is_message(value):
            yield from _paragraphs(enumerate(value.strip('"').split("\n"), number))
        elif quoted is not None:
            quoted.append(value if kind is String.Double else "{}")
        number += value.count("\n")
    yield from _paragraphs(comments)


def _of_yaml(content: str) -> Iterator[Text]:
    for node in _scalars(*yaml.compose_all(content)):
        if _is_message(node.value):
            # A block begins on the line after its mark.
            first = node.start_mark.line + (2 if node.style in ("|", ">") else 1)
            yield from _paragraphs(enumerate(node.value.split("\n"), first))


def _scalars(*nodes: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    for node in nodes:
        match node:
            case yaml.ScalarNode():
                yield node
            case yaml.SequenceNode():
                yield from _scalars(*node.value)
            case yaml.MappingNode():
                yield from _scalars(*(value for _, value in node.value))


def _of_json(content: str) -> Iterator[Text]:
    """A file of JSON has no lines for the parser: a message is on the line that holds it."""
    lines = content.split("\n")
    for text in _strings(json.loads(content)):
        if _is_message(text):
            encoded = json.dumps(text, ensure_ascii=False)
            number = next((number for number, line in enumerate(lines, 1) if encoded in line), 1)
            yield from _paragraphs((number, line) for line in text.split("\n"))


def _strings(value: object) -> Iterator[str]:
    match value:
        case str(text):
            yield text
        case list(items):
            for item in items:
                yield from _strings(item)
        case dict(members):
            for member in members.values():
                yield from _strings(member)
