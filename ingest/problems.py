"""What can be wrong with a catalog file: a closed set of codes, each with its meaning and what its author has to do."""

from dataclasses import dataclass
from enum import StrEnum

from graph.refs import Ref


class ErrorCode(StrEnum):
    """The codes of catalog errors. Closed and stable: clients may rely on them. EXPLANATIONS says what each means."""

    UNREADABLE = "unreadable"
    OUTSIDE_ROOT = "outside-root"
    UNSUPPORTED_LOCATION = "unsupported-location"
    KIND_NOT_ALLOWED = "kind-not-allowed"
    CONFLICT = "conflict"
    FILE_TOO_LARGE = "file-too-large"
    NOT_UTF8 = "not-utf8"
    CONTROL_CHARACTER = "control-character"
    YAML_SYNTAX = "yaml-syntax"
    TAB = "tab"
    UNDEFINED_ALIAS = "undefined-alias"
    ALIAS_EXPANSION = "alias-expansion"
    TOO_DEEP = "too-deep"
    TOO_MANY_VALUES = "too-many-values"
    TOO_MANY_DOCUMENTS = "too-many-documents"
    DUPLICATE_KEY = "duplicate-key"
    UNRENDERED_TEMPLATE = "unrendered-template"
    NOT_AN_OBJECT = "not-an-object"
    NOT_AN_ENTITY = "not-an-entity"
    UNKNOWN_KIND = "unknown-kind"
    UNKNOWN_API_VERSION = "unknown-api-version"
    UNKNOWN_FIELD = "unknown-field"
    MISSING_FIELD = "missing-field"
    WRONG_TYPE = "wrong-type"
    EMPTY_VALUE = "empty-value"
    INVALID_NAME = "invalid-name"
    INVALID_VALUE = "invalid-value"
    INVALID_REF = "invalid-ref"
    PLACEHOLDER_UNREADABLE = "placeholder-unreadable"
    PLACEHOLDER_INVALID = "placeholder-invalid"
    SOURCE_NOT_ALLOWED = "source-not-allowed"
    SOURCE_NOT_FOUND = "source-not-found"
    SOURCE_UNAUTHORIZED = "source-unauthorized"
    SOURCE_RATE_LIMITED = "source-rate-limited"
    SOURCE_UNAVAILABLE = "source-unavailable"
    SOURCE_TOO_LARGE = "source-too-large"
    SOURCE_MALFORMED = "source-malformed"
    SOURCE_RENAMED = "source-renamed"
    PROVIDER_FAILED = "provider-failed"
    PROCESSOR_REFUSED = "processor-refused"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means, and what usually mends it; `remedy` may name details of the problem in braces."""

    meaning: str
    remedy: str


EXPLANATIONS: dict[ErrorCode, Explanation] = {
    ErrorCode.UNREADABLE: Explanation(
        "A file or folder that a location names can't be read.",
        "Check that the target exists and may be read, or set presence: optional on the Location.",
    ),
    ErrorCode.OUTSIDE_ROOT: Explanation(
        "A target or an included file lies outside the root of its location.",
        "Keep what a location leads to below its root, or configure a location of its own for it.",
    ),
    ErrorCode.UNSUPPORTED_LOCATION: Explanation(
        "A Location entity leads to a kind of source that is not read.",
        "Name files relative to the Location's own file, or remove the target.",
    ),
    ErrorCode.KIND_NOT_ALLOWED: Explanation(
        "The catalog's rules don't allow this kind from this location.",
        "Add the kind to catalog.rules or to the rules of this location, or remove the document.",
    ),
    ErrorCode.CONFLICT: Explanation(
        "Two documents declare the same entity.",
        "Rename one of the two, or remove it.",
    ),
    ErrorCode.FILE_TOO_LARGE: Explanation(
        "The file is larger than catalog.maxFileSizeBytes.",
        "Split the file, move long texts into files of their own read by $text, or raise catalog.maxFileSizeBytes.",
    ),
    ErrorCode.NOT_UTF8: Explanation(
        "The document holds bytes that are no UTF-8.",
        "Save the file in UTF-8.",
    ),
    ErrorCode.CONTROL_CHARACTER: Explanation(
        "The document holds a character that YAML does not allow in a file.",
        'Remove the character, or write it as an escape inside double quotes, such as "{escape}".',
    ),
    ErrorCode.YAML_SYNTAX: Explanation(
        "The document is no valid YAML 1.2.",
        "Mend the syntax here or shortly before; put values in quotes that hold ': ' or ' #', or that begin with a special character.",
    ),
    ErrorCode.TAB: Explanation(
        "A tab stands where YAML allows only spaces.",
        "Replace the tab by spaces.",
    ),
    ErrorCode.UNDEFINED_ALIAS: Explanation(
        "An alias (*name) has no anchor (&name) before it in the same document.",
        "Define the anchor before the alias, or quote the value if it is text that begins with an asterisk.",
    ),
    ErrorCode.ALIAS_EXPANSION: Explanation(
        "Aliases refer to themselves or multiply to an excessive size.",
        "Write the values out instead of nesting aliases.",
    ),
    ErrorCode.TOO_DEEP: Explanation(
        "The document nests deeper than {limit} levels.",
        "Flatten the document, or move the nested value into a file of its own read by $text.",
    ),
    ErrorCode.TOO_MANY_VALUES: Explanation(
        "The document holds more lines, items or values than can be read in reasonable time.",
        "Split the document, or move large values into files of their own read by $text.",
    ),
    ErrorCode.TOO_MANY_DOCUMENTS: Explanation(
        "The file holds more documents than entities of the least size would fill the largest file allowed.",
        "Split the file into several.",
    ),
    ErrorCode.DUPLICATE_KEY: Explanation(
        "A mapping has the same key twice.",
        "Keep one of the two; the first is in line {first}.",
    ),
    ErrorCode.UNRENDERED_TEMPLATE: Explanation(
        "The document is a template that has not been rendered.",
        "Render the template and register the result; leave the template itself out of the location's targets.",
    ),
    ErrorCode.NOT_AN_OBJECT: Explanation(
        "The document is a list or a scalar, and an entity is a mapping.",
        "Write the document as a mapping that begins with apiVersion and kind; separate documents by ---.",
    ),
    ErrorCode.NOT_AN_ENTITY: Explanation(
        "The document has neither apiVersion nor kind, so it is no catalog document.",
        "Add apiVersion, kind and metadata.name, or leave the file out of the location's targets.",
    ),
    ErrorCode.UNKNOWN_KIND: Explanation(
        "The catalog does not know this kind.",
        "Use one of {known} (case matters), or declare the kind under catalog.kinds.",
    ),
    ErrorCode.UNKNOWN_API_VERSION: Explanation(
        "The kind does not exist in this apiVersion.",
        "Write apiVersion: {known}.",
    ),
    ErrorCode.UNKNOWN_FIELD: Explanation(
        "A field is not part of the descriptor format.",
        "Move the field below spec or metadata, or remove it.",
    ),
    ErrorCode.MISSING_FIELD: Explanation(
        "A required field is missing.",
        "Add {field}.",
    ),
    ErrorCode.WRONG_TYPE: Explanation(
        "A value has the wrong type.",
        "Write {expected} here, or remove the field if it is optional; quote text that reads as a number, true, false or null.",
    ),
    ErrorCode.EMPTY_VALUE: Explanation(
        "A value is empty where text is required.",
        "Fill the value in, or remove the field if it is optional.",
    ),
    ErrorCode.INVALID_NAME: Explanation(
        "A name, namespace, label, annotation key or tag does not have the form that the descriptor format prescribes.",
        "Use {expected}.",
    ),
    ErrorCode.INVALID_VALUE: Explanation(
        "A value is not among those allowed.",
        "Write {expected}.",
    ),
    ErrorCode.INVALID_REF: Explanation(
        "A reference to another entity can't be read.",
        "Write [kind:][namespace/]name, such as {example}.",
    ),
    ErrorCode.PLACEHOLDER_UNREADABLE: Explanation(
        "A file that a placeholder such as $text names can't be read.",
        "Check the path; it is relative to the catalog file and stays below the location's root.",
    ),
    ErrorCode.PLACEHOLDER_INVALID: Explanation(
        "A placeholder, or the file that it names, does not hold what it should.",
        "{advice}",
    ),
    ErrorCode.SOURCE_NOT_ALLOWED: Explanation(
        "A URL leads to a host, path or address that the configuration does not allow to be read.",
        "Name the host under integrations or backend.reading.allow, a private address under backend.reading.allowPrivate as well.",
    ),
    ErrorCode.SOURCE_NOT_FOUND: Explanation(
        "A repository, branch or file is not there (any more), or the credentials may not see it.",
        "Check the URL and its case, and that the credentials under integrations may see it; remove the location if it is gone for good.",
    ),
    ErrorCode.SOURCE_UNAUTHORIZED: Explanation(
        "A host refuses the credentials: they are missing, expired, or may not read this.",
        "Renew the credentials of the host under integrations, or give them the right to read.",
    ),
    ErrorCode.SOURCE_RATE_LIMITED: Explanation(
        "A host asks to be left alone for a while.",
        "Nothing needs to be done: it is read again when the host allows. Credentials under integrations usually raise the limit.",
    ),
    ErrorCode.SOURCE_UNAVAILABLE: Explanation(
        "A host can't be reached, does not answer in time, breaks its answer off, or is out of order.",
        "It is tried again by itself; if it stays so, check the host and the network.",
    ),
    ErrorCode.SOURCE_TOO_LARGE: Explanation(
        "What a host answers is larger than allowed.",
        "Make it smaller, name files singly, or raise the limits under backend.reading.",
    ),
    ErrorCode.SOURCE_MALFORMED: Explanation(
        "A host answers what makes no sense.",
        "Check that the host is what integrations say it is, and that no proxy or sign-in page answers in its place.",
    ),
    ErrorCode.SOURCE_RENAMED: Explanation(
        "The repository has another name by now; its host still leads there from the old one.",
        "Name {address} instead: the old name may be given to another repository.",
    ),
    ErrorCode.PROVIDER_FAILED: Explanation(
        "A provider failed for another reason than its source, or took longer than its schedule allows.",
        "What it gave before stays, and it is tried again; see the worker's log, raise the provider's schedule.timeout, or ask its author.",
    ),
    ErrorCode.PROCESSOR_REFUSED: Explanation(
        "A plugin's processor refuses the entity, or failed on it.",
        "Mend what the message names; if it makes no sense, ask the author of the plugin.",
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place in a file. `document` counts from 0, `line` and `column` from 1, None in a document that has no text;
    `ref` is the entity, if known.
    """

    code: ErrorCode
    message: str
    remedy: str
    document: int | None
    line: int | None
    column: int | None
    ref: Ref | None = None


def remedy_for(code: ErrorCode, **details: object) -> str:
    """The remedy of the code, filled with the details that it names. KeyError if one is missing."""
    return EXPLANATIONS[code].remedy.format(**details)
