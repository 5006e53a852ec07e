"""Every code of a diagnostic: its message, what stands under the carets, the usual advice, and its meaning.

Templates are filled with the keyword arguments of `Report.error`. A label or help that needs an argument that was not
given is left out; whoever reports knows more about the place and passes its own.
"""

from __future__ import annotations

from typing import Final


class Code:
    """A kind of diagnostic. `text` is "E0101"; a code that begins with W is a warning."""

    __slots__ = ("help", "label", "meaning", "message", "text")

    def __init__(
        self, text: str, message: str, label: str | None = None, advice: str | None = None, *, meaning: str
    ) -> None:
        self.text = text
        self.message = message
        self.label = label
        self.help = advice
        self.meaning = meaning

    @property
    def is_warning(self) -> bool:
        """Whether the program runs all the same."""
        return self.text[0] == "W"

    def __repr__(self) -> str:
        return self.text


# --- text and tokens --------------------------------------------------------------------------------------------------

E0001: Final = Code(
    "E0001",
    "the source is not UTF-8 text: {what} is in it",
    "not text",
    "save the file as UTF-8 without NUL bytes",
    meaning="The source is not UTF-8, or has a NUL byte.",
)
E0002: Final = Code(
    "E0002",
    "this {what} is never closed",
    "opened here",
    meaning="A string, character, comment or f-string expression has no end.",
)
E0003: Final = Code(
    "E0003",
    "'{escape}' is no escape",
    "unknown escape",
    r"escapes are \n \r \t \0 \\ \" \' \xHH \u{{...}}; r\"...\" takes text as it is",
    meaning="The character after a backslash begins no escape, or the escape's number is out of range.",
)
E0004: Final = Code(
    "E0004",
    "'{text}' is not a number: {why}",
    "malformed number",
    meaning="A number is malformed, has an unknown suffix, or is an integer beyond 64 bits.",
)
E0005: Final = Code(
    "E0005",
    "{what}",
    "too much here",
    meaning="A name is longer than 1024 characters, or the program is nested deeper than 256 levels.",
)
E0006: Final = Code(
    "E0006",
    "{character} begins nothing that Hew knows",
    "unknown character",
    meaning="A character stands where no token begins with it.",
)
E0010: Final = Code(
    "E0010",
    "expected {expected}, found {found}",
    "expected {token}",
    meaning="One token was needed, another was found.",
)
E0011: Final = Code(
    "E0011",
    "this '{opener}' is never closed",
    "opened here",
    meaning="A bracket is never closed, or is closed by one of another kind.",
)
E0012: Final = Code(
    "E0012",
    "'{first}' and '{second}' do not chain",
    "second comparison",
    "compare twice and join with '&&', or use parentheses",
    meaning="Operators such as < or == stand in a row: a < b < c.",
)
E0013: Final = Code(
    "E0013",
    "expected {expected}, found {found}",
    "expected {expected}",
    meaning="An expression, type, pattern or item was needed.",
)
E0014: Final = Code(
    "E0014",
    "'{word}' is a keyword and cannot be a name",
    "expected a name",
    "choose another name, such as '{word}_'",
    meaning="A keyword is used as a name.",
)
E0015: Final = Code(
    "E0015",
    "{what}",
    "does not belong here",
    meaning="Something belongs elsewhere: 'receive' outside an actor, 'init' twice, an an item in a block.",
)
E0016: Final = Code(
    "E0016",
    "{what}",
    "attribute",
    "attributes are written #[name] or #[name(args)], before an item or a handler",
    meaning="An attribute is malformed or stands in the wrong place.",
)
E0017: Final = Code(
    "E0017",
    "an assignment is a statement and has no value",
    "assignment",
    "compare with '=='",
    meaning="An assignment is used as an expression.",
)

# --- names ------------------------------------------------------------------------------------------------------------

E0101: Final = Code(
    "E0101",
    "no name '{name}' is known here",
    "unknown name",
    meaning="A name is not known at this place.",
)
E0102: Final = Code(
    "E0102",
    "'{name}' is defined twice in this file",
    "defined again",
    "give one of them another name",
    meaning="Two items have one name.",
)
E0103: Final = Code(
    "E0103",
    "'{name}' is a variant of {enums}",
    "which one?",
    "qualify it: {example}",
    meaning="Several enums have a variant of this name: qualify it.",
)
E0104: Final = Code(
    "E0104",
    "'{name}' is already defined in this {place}",
    "defined again",
    meaning="Two locals of a block, or two parameters, fields or variants, have one name.",
)
E0105: Final = Code(
    "E0105",
    "'{name}' hides a field of the actor {actor}",
    "hides the field",
    "choose another name, so that '{name}' always means the field",
    meaning="A local or parameter hides a field of the actor.",
)
E0106: Final = Code(
    "E0106",
    "{type} has two methods '{name}'",
    "defined again",
    "give one of them another name",
    meaning="A type has two methods of one name.",
)
E0107: Final = Code("E0107", "no type '{name}' is known here", "unknown type", meaning="A type is not known.")
E0108: Final = Code(
    "E0108",
    "'{name}' is {found}, but {expected} is needed here",
    "this is {found}",
    meaning="A type, module or function is used where another kind of thing is needed.",
)
E0109: Final = Code(
    "E0109",
    "{what}",
    "no such loop",
    meaning="A label is unknown, or break or continue stands outside a loop.",
)
E0110: Final = Code(
    "E0110",
    "'{name}' has a meaning only inside {place}",
    "not available here",
    meaning="this, self or a field's name is used outside an actor or method.",
)

# --- types ------------------------------------------------------------------------------------------------------------

E0201: Final = Code(
    "E0201",
    "expected {expected}, found {found}",
    "this is {article} {found}",
    meaning="A value has another type than its place needs.",
)
E0202: Final = Code(
    "E0202",
    "the condition of '{keyword}' must be a Bool, found {found}",
    "this is {article} {found}",
    meaning="A condition is not a Bool.",
)
E0203: Final = Code(
    "E0203",
    "{found} cannot be converted to {target} by 'as'",
    "no conversion",
    meaning="'as' stands between types that have no conversion.",
)
E0204: Final = Code(
    "E0204",
    "{value} does not fit {type}",
    "out of range",
    "{type} holds {low} to {high}",
    meaning="A literal does not fit its type.",
)
E0205: Final = Code(
    "E0205",
    "expected {expected} elements, found {found}",
    "wrong number of elements",
    meaning="A tuple, array or pattern has the wrong number of elements.",
)
E0206: Final = Code(
    "E0206",
    "the type of {what} cannot be told",
    "type unknown",
    "write it: let name: Type = ...",
    meaning="A type cannot be inferred: it must be written.",
)
E0207: Final = Code(
    "E0207",
    "{type} has no field '{name}'",
    "no such field",
    "its fields: {fields}",
    meaning="A type has no such field.",
)
E0208: Final = Code(
    "E0208",
    "{type} needs the field '{name}'",
    "field '{name}' is missing",
    meaning="A field is missing, or given twice, in a record literal.",
)
E0209: Final = Code(
    "E0209",
    "{name} contains itself",
    "endless type",
    "go through Option<{name}>, Vec<{name}> or an enum",
    meaning="A type contains itself without indirection.",
)
E0210: Final = Code(
    "E0210",
    "'{name}' takes {expected}, {found} given",
    "unexpected argument",
    "{signature}",
    meaning="A call has the wrong number of arguments.",
)
E0211: Final = Code(
    "E0211",
    "'{function}' has no parameter '{name}'",
    "no such parameter",
    "{signature}",
    meaning="A named argument is unknown, or given twice.",
)
E0212: Final = Code(
    "E0212",
    "a positional argument cannot follow a named one",
    "has no name",
    "name this argument too, or move it before the named ones",
    meaning="A positional argument stands after a named one.",
)
E0213: Final = Code(
    "E0213",
    "{what}",
    "differs here",
    meaning="Branches of if or arms of match differ in type, or else is missing where a value is needed.",
)
E0214: Final = Code("E0214", "{type} has no method '{name}'", "no such method", meaning="A type has no such method.")
E0215: Final = Code(
    "E0215",
    "'{operator}' is not defined for {types}",
    "not defined",
    meaning="An operator is not defined for these types.",
)
E0216: Final = Code(
    "E0216",
    "{found} cannot be {done}",
    "this is {article} {found}",
    meaning="A value cannot be called, indexed or iterated.",
)
E0217: Final = Code(
    "E0217",
    "{name} takes {expected}, {found} given",
    "wrong number of types",
    meaning="A type or function has the wrong number of type arguments.",
)
E0218: Final = Code(
    "E0218",
    "{type} has no text form and cannot be printed",
    "this is {article} {type}",
    meaning="A value has no text form.",
)

# --- variables, flow and constants ------------------------------------------------------------------------------------

E0301: Final = Code(
    "E0301",
    "cannot assign to '{name}': it is a {kind}",
    "assigned here",
    meaning="A let, constant, parameter or loop variable is assigned.",
)
E0302: Final = Code(
    "E0302",
    "cannot assign to a field of '{name}': it is a {kind}",
    "assigned here",
    meaning="A field of a record is assigned through something that is not var.",
)
E0303: Final = Code(
    "E0303",
    "this cannot be assigned",
    "not a variable, field or element",
    meaning="The left side of an assignment is no place that holds a value.",
)
E0305: Final = Code(
    "E0305",
    "'{name}' is used before it is assigned",
    "no value yet",
    "give it a value where it is declared",
    meaning="A variable is used before it is assigned on every path.",
)
E0306: Final = Code(
    "E0306",
    "'{name}' must give {article} {type}, but its end can be reached without one",
    "no value here",
    "return a value, or end with an expression without ';'",
    meaning="The end of a function is reached without a value.",
)
E0307: Final = Code(
    "E0307",
    "'?' cannot return from here: {why}",
    "returns {found}",
    meaning="'?' stands in a function whose result does not take the error.",
)
E0308: Final = Code(
    "E0308",
    "'break' with a value leaves only 'loop'",
    "value in a '{keyword}'",
    "assign it to a variable before 'break'",
    meaning="break has a value outside loop.",
)
E0309: Final = Code(
    "E0309",
    "{what}",
    "returned here",
    meaning="return has a value in a function without result, or none in one with a result.",
)
E0310: Final = Code(
    "E0310",
    "this constant expression {what}",
    "computed at compile time",
    meaning="A constant expression overflows, divides by zero or shifts too far.",
)
E0311: Final = Code(
    "E0311",
    "'{name}' cannot be computed at compile time",
    "not constant",
    "a constant is made of literals, other constants, operators, 'as', tuples, arrays and records",
    meaning="A constant is not computable at compile time, or depends on itself.",
)
E0312: Final = Code("E0312", "'{name}' is pure, but {effect}", "effect", meaning="A pure function has an effect.")
E0313: Final = Code(
    "E0313",
    "'yield' has a meaning only inside 'gen fn'",
    "outside a generator",
    meaning="yield stands outside a generator.",
)
E0314: Final = Code(
    "E0314",
    "'{name}' was moved and is no longer here",
    "used after the move",
    meaning="A value of a type with Drop is used after it was moved.",
)

# --- patterns ---------------------------------------------------------------------------------------------------------

E0401: Final = Code(
    "E0401",
    "'match' does not cover '{pattern}'",
    "'{pattern}' is not covered",
    "add '{pattern} => ...' or '_ => ...'",
    meaning="A match does not cover every value.",
)
E0403: Final = Code(
    "E0403",
    "this pattern must always match, but misses '{pattern}'",
    "may not match",
    "use 'if let' or 'match'",
    meaning="A pattern that may fail stands where it must always match.",
)
E0404: Final = Code(
    "E0404",
    "{what}",
    "no such pattern",
    meaning="A pattern names an unknown variant, or has another shape than its payload.",
)
E0405: Final = Code(
    "E0405",
    "the alternatives do not bind '{name}' alike",
    "differs here",
    meaning="Alternatives of | bind different names or types.",
)
E0406: Final = Code(
    "E0406",
    "'{name}' is bound twice in this pattern",
    "bound again",
    meaning="A pattern binds a name twice.",
)

# --- actors -----------------------------------------------------------------------------------------------------------

E0501: Final = Code(
    "E0501",
    "'{name}' is no actor and cannot be spawned",
    "not an actor",
    meaning="spawn names something that is no actor or supervisor.",
)
E0502: Final = Code(
    "E0502",
    "{actor} has no handler '{name}'",
    "no such handler",
    meaning="An actor has no such handler.",
)
E0503: Final = Code(
    "E0503",
    "'{name}' belongs to {actor} and cannot be used from outside",
    "private to {actor}",
    "add a handler to {actor} that gives or does what is needed",
    meaning="A field or private function of an actor is used from outside.",
)
E0504: Final = Code(
    "E0504",
    "{actor} has no field '{name}' to set at spawn",
    "no such field",
    "its fields: {fields}",
    meaning="spawn gives a name that the actor does not have.",
)
E0505: Final = Code(
    "E0505",
    "{actor} needs '{name}' at spawn: {type} has no zero value",
    "'{name}' is missing",
    "write spawn {actor}({name}: ...)",
    meaning="A field without a zero value is not given at spawn.",
)
E0506: Final = Code(
    "E0506",
    "spawning {actor} takes {expected}, {found} given",
    "wrong number of arguments",
    meaning="spawn has the wrong number of arguments.",
)
E0507: Final = Code(
    "E0507",
    "{type} cannot be sent to another actor",
    "this is {article} {type}",
    meaning="A value cannot be sent to another actor.",
)
E0508: Final = Code(
    "E0508",
    "{found} cannot be awaited",
    "this is {article} {found}",
    "await takes a send, a Future or an actor's handle",
    meaning="await stands before something that cannot be awaited.",
)
E0509: Final = Code(
    "E0509",
    "{what}",
    "mailbox",
    "write 'mailbox N;' with a constant N of 1 or more",
    meaning="A mailbox bound or policy is malformed, or a coalesce key is unknown.",
)
E0510: Final = Code(
    "E0510",
    "{what}",
    "this arm",
    meaning="An arm of select or join cannot be waited for, or the types of the arms differ.",
)
E0511: Final = Code(
    "E0511",
    "{what}",
    "supervisor",
    meaning="A supervisor has an unknown child, strategy or value, or is indexed by something not constant.",
)
E0512: Final = Code(
    "E0512",
    "{what}",
    "periodic handler",
    meaning="A periodic handler has parameters, a result or a bad duration.",
)
E0513: Final = Code(
    "E0513",
    "'<-' cannot send to {found}",
    "no lambda actor or channel",
    meaning="'<-' sends to something that is no lambda actor or channel.",
)

# --- generics and traits ----------------------------------------------------------------------------------------------

E0601: Final = Code("E0601", "no trait '{name}' is known here", "unknown trait", meaning="A trait or bound is unknown.")
E0602: Final = Code(
    "E0602",
    "{type} does not meet the bound '{bound}'",
    "bound not met",
    meaning="A type does not meet a bound.",
)
E0603: Final = Code(
    "E0603",
    "'{function}' needs {operation}, which {type} lacks",
    "called here",
    meaning="A generic body uses an operation that the actual type lacks.",
)
E0604: Final = Code(
    "E0604",
    "'{name}' needs itself with ever new types",
    "endless instantiation",
    meaning="A generic function calls itself with types that grow without end.",
)
E0605: Final = Code(
    "E0605",
    "{what}",
    "does not agree with the trait",
    meaning="A trait's function is missing in an impl, or an impl has one that is not in the trait.",
)
E0606: Final = Code(
    "E0606",
    "'{name}' differs from its declaration in {trait}",
    "differs from the trait",
    meaning="A signature differs from the trait's.",
)
E0607: Final = Code(
    "E0607",
    "{trait} is implemented twice for {type}",
    "implemented again",
    meaning="A trait is implemented twice for a type.",
)
E0608: Final = Code(
    "E0608",
    "'{name}' is a method of {traits}",
    "which one?",
    "qualify it: {example}",
    meaning="Several traits give a type this method: qualify it.",
)
E0609: Final = Code("E0609", "{trait} cannot be 'dyn': {why}", "cannot be 'dyn'", meaning="A trait cannot be dyn.")

# --- modules ----------------------------------------------------------------------------------------------------------

E0701: Final = Code("E0701", "no module '{name}' is found", "unknown module", meaning="A module or file is not found.")
E0702: Final = Code("E0702", "{module} has no '{name}'", "no such name", meaning="A module has no such name.")
E0703: Final = Code(
    "E0703",
    "'{name}' comes from {modules}",
    "which one?",
    "write the module before it: {example}",
    meaning="A name is imported from two modules.",
)
E0704: Final = Code(
    "E0704",
    "'{name}' is not 'pub' in {module}",
    "private to {module}",
    meaning="A name of a module is not pub.",
)

# --- machines and wire types ------------------------------------------------------------------------------------------

E0801: Final = Code(
    "E0801",
    "{machine} does not say what '{event}' does in '{state}'",
    "not covered",
    meaning="A machine leaves a pair of state and event uncovered.",
)
E0802: Final = Code("E0802", "{what}", "unknown", meaning="A machine names an unknown state, event or field.")
E0803: Final = Code("E0803", "{what}", "defined again", meaning="A machine has a state, event or transition twice.")
E0804: Final = Code(
    "E0804",
    "{machine} needs two states and an event",
    "too little",
    meaning="A machine has fewer than two states, or no event.",
)
E0805: Final = Code(
    "E0805",
    "{what}",
    "transition",
    meaning="The body of a machine's transition is missing or gives another state.",
)
E0806: Final = Code(
    "E0806",
    "{what}",
    "wire type",
    meaning="A field number of a wire type is missing, doubled or reserved, or a type cannot be encoded.",
)

# --- the program as a whole -------------------------------------------------------------------------------------------

E0901: Final = Code(
    "E0901",
    "{what} are not in this version of Hew (level {level})",
    "not yet built",
    meaning="A feature of the language is not in this version; the message names its level.",
)
E0902: Final = Code(
    "E0902",
    "the program has no 'main'",
    "no 'fn main'",
    "add: fn main() {{ }}",
    meaning="There is no main, or it has parameters or a result that is no integer.",
)
E0903: Final = Code(
    "E0903",
    "no Python module '{name}' is found",
    "unknown module",
    meaning="A Python module is not found.",
)
E0904: Final = Code(
    "E0904",
    "{type} cannot cross to Python",
    "this is {article} {type}",
    meaning="A type cannot cross to Python.",
)
E0905: Final = Code(
    "E0905",
    "the result type of this Python call is unknown",
    "type unknown",
    "write it: let name: Type = ...",
    meaning="The result type of a call of Python is unknown.",
)
E0999: Final = Code(
    "E0999",
    "internal error of the compiler: {what}",
    "while compiling this",
    "this is a bug of Hew; please report it with the program that shows it",
    meaning="The compiler has a bug. Please report it. The exit code is 4.",
)

# --- warnings ---------------------------------------------------------------------------------------------------------

W0101: Final = Code(
    "W0101",
    "{kind} '{name}' is never used",
    "unused",
    "remove it, or name it '_{name}'",
    meaning="A variable, parameter, import or private item is never used.",
)
W0401: Final = Code(
    "W0401",
    "the pattern leaves out {fields}",
    "fields left out",
    "add '..'",
    meaning="A pattern leaves fields out without '..'.",
)
W0402: Final = Code(
    "W0402",
    "this {what} can never be reached",
    "unreachable",
    meaning="An arm or code can never be reached.",
)
W0501: Final = Code(
    "W0501",
    "the reply in '{name}' is never awaited",
    "never awaited",
    "write 'await {name}'",
    meaning="A future is stored in a variable and never awaited.",
)
W0602: Final = Code(
    "W0602",
    "this Result is not used",
    "an error would go unseen",
    "write 'let _ = ...' to drop it",
    meaning="A Result is not used.",
)
W0901: Final = Code(
    "W0901",
    "'{name}' is no attribute that Hew knows",
    "unknown attribute",
    meaning="An attribute is deprecated or unknown.",
)


def all_codes() -> dict[str, Code]:
    """Every code by its text, in the order of this file."""
    return {name: value for name, value in globals().items() if isinstance(value, Code)}
