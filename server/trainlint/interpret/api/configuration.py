"""Where programs keep their constants: argparse, flags, the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import builtins, calls
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.api.registry import attribute, handles, method
from trainlint.interpret.expressions import binary
from trainlint.interpret.machine import MISSING, Machine, unknown
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Const,
    Dimension,
    InstanceRecord,
    ListRecord,
    Ref,
    Tuple,
    Unknown,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall


@handles("argparse.ArgumentParser")
def argument_parser(call: ApiCall) -> Value:
    return call.object("parser", options={})


@method("parser", "add_argument")
def add_argument(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    keywords = call.arguments.keywords
    names = [
        v.value
        for v in (call.machine.resolve(a.value) for a in call.arguments.positional)
        if isinstance(v, Const) and isinstance(v.value, str)
    ]
    long = [n for n in names if n.startswith("--")] or names
    if record is None or not isinstance(call.receiver, Ref) or not long:
        return NONE
    dest = keywords.get("dest")
    name = (
        dest.value.value
        if dest is not None and isinstance(dest.value, Const)
        else long[0].lstrip("-").replace("-", "_")
    )
    options = {**record.fields.get("options", {}), name: _default(call, long[0])}
    call.machine.put(call.receiver, record.replace(fields={**record.fields, "options": options}))
    return NONE


def _default(call: ApiCall, option: str) -> Value:
    keywords = call.arguments.keywords
    action = keywords.get("action")
    kind = action.value.value if action is not None and isinstance(action.value, Const) else None
    default = keywords.get("default")
    value: Value
    if default is not None:
        value = call.machine.resolve(default.value)
    elif kind in ("store_true", "store_false"):
        value = Const(value=kind == "store_false")
    else:
        # A required argument, or None by default: the caller decides.
        return Unknown(origin=("option", option), reason=f"the command line's `{option}` is unknown", place=call.place)
    type_argument = keywords.get("type")
    if type_argument is not None and isinstance(value, Const) and isinstance(value.value, str):
        converter = call.machine.resolve(type_argument.value)
        if isinstance(converter, Api) and converter.symbol.name in ("builtins.int", "builtins.float"):
            try:
                value = Const(value={"int": int, "float": float}[converter.symbol.name[9:]](value.value))
            except ValueError:
                value = UNKNOWN
    if kind in ("store_true", "store_false") or is_left_out(value):
        # A switch is there to be set: both worlds matter.
        return Unknown(origin=("option", option), reason=f"the command line's `{option}` is unknown", place=call.place)
    return assume(value, f"{option} has its default")


def is_left_out(value: Value) -> bool:
    """Whether a default says that nothing was given, so that programs test for it: None or the empty text."""
    return is_none(value) or (isinstance(value, Const) and value.value == "")


def assume(value: Value, text: str) -> Value:
    """A value that is only taken for granted."""
    return value.replace(assumed=(*value.assumed, text)) if isinstance(value, (Const, Dimension)) else value


@method("parser", "add_argument_group", "add_mutually_exclusive_group")
def group(call: ApiCall) -> Value:
    return call.receiver or UNKNOWN


@method("parser", "parse_args", "parse_known_args")
def parse_args(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    options = record.fields.get("options", {}) if record is not None else {}
    known = call.machine.method_name == "parse_known_args"
    namespace = call.machine.new(
        call.place, InstanceRecord(cls=UNKNOWN, attributes={**options, "__open__": NONE}, place=call.place), "namespace"
    )
    return Tuple(items=(namespace, UNKNOWN)) if known else namespace


@method("parser", "set_defaults", "print_help", "error")
def parser_method(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    if record is not None and isinstance(call.receiver, Ref) and call.machine.method_name == "set_defaults":
        options = {**record.fields.get("options", {}), **{k: a.value for k, a in call.arguments.keywords.items()}}
        call.machine.put(call.receiver, record.replace(fields={**record.fields, "options": options}))
    return NONE


# Flags ----------------------------------------------------------------------------------------------------------------

_DEFINE = tuple(
    f"{room}.DEFINE_{kind}" for room in ("tf.flags", "tf.app.flags", "absl.flags")
    for kind in ("integer", "float", "string", "boolean", "bool", "enum", "list", "multi_integer")
)  # fmt: skip


@handles(*_DEFINE)
def define_flag(call: ApiCall) -> Value:
    call.bind_as("name", "default", "help")
    name = call.constant("name")
    if isinstance(name, str):
        value = call.value("default")
        if call.name.endswith(("boolean", "bool")):
            value = Unknown(origin=("option", f"--{name}"), reason=f"the flag `--{name}` is unknown", place=call.place)
        else:
            value = (
                assume(value, f"--{name} has its default")
                if not is_left_out(value)
                else Unknown(origin=("option", f"--{name}"), place=call.place)
            )
        call.machine.write(("flag", name), value)
        call.object("parser")
    return NONE


@handles("tf.flags.FLAGS", "tf.app.flags.FLAGS", "absl.flags.FLAGS")
def flags_object(call: ApiCall) -> Value:
    return UNKNOWN


FLAGS = frozenset(("tf.flags.FLAGS", "tf.app.flags.FLAGS", "absl.flags.FLAGS"))


def flag(machine: Machine, name: str) -> Value:
    """The value of `FLAGS.name`."""
    value = machine.read(("flag", name))
    return (
        Unknown(origin=("option", f"--{name}"), reason=f"the flag `--{name}` is unknown") if value is MISSING else value
    )


# Environment and numbers ----------------------------------------------------------------------------------------------


@handles("os.environ.get", "os.getenv")
def environment(call: ApiCall) -> Value:
    call.bind_as("key", "default", default=None)
    value = call.value("default")
    name = call.constant("key")
    known = environment_variable(call.machine, name)
    if known is not None:
        return known
    if is_none(value):
        return Unknown(
            origin=("option", str(name)), reason=f"the environment variable `{name}` is unknown", place=call.place
        )
    return assume(value, f"{name} has its default")


@handles("os.environ.__getitem__")
def environment_item(call: ApiCall) -> Value:
    call.bind_as("key")
    return environment_variable(call.machine, call.constant("key")) or UNKNOWN


def environment_variable(machine: Machine, name: Any) -> Value | None:
    """What the program has set an environment variable to, None where it has set none of that name."""
    if machine.read(("environment", None)) is not MISSING:
        return UNKNOWN
    value = machine.read(("environment", name))
    return None if value is MISSING else machine.resolve(value)


def set_environment_variable(machine: Machine, name: Any, value: Value) -> None:
    """Notes that the program sets an environment variable; one whose name is not known may be any."""
    known = isinstance(name, str) and not machine.conditions
    machine.write(("environment", name if isinstance(name, str) else None), value if known else UNKNOWN)


@handles("os.putenv", "os.environ.setdefault", "os.environ.pop", "os.environ.__setitem__")
def change_environment_variable(call: ApiCall) -> Value:
    call.bind_as("key", "value", value=None)
    replaces = call.name in ("os.putenv", "os.environ.__setitem__")
    set_environment_variable(call.machine, call.constant("key"), call.value("value") if replaces else UNKNOWN)
    return UNKNOWN


@handles("os.environ.update", "os.environ.clear")
def change_environment(call: ApiCall) -> Value:
    set_environment_variable(call.machine, None, UNKNOWN)
    return UNKNOWN


@handles("math.prod", "np.prod_python")
def product(call: ApiCall) -> Value:
    items = (
        builtins.items_of(call.machine, call.machine.resolve(call.arguments.positional[0].value))
        if call.arguments.positional
        else None
    )
    if items is None:
        return UNKNOWN
    result: Value = Const(value=1)
    for item in items:
        result = binary(call.machine, "*", result, call.machine.resolve(item), call.place)
    return result


@handles(
    "os.path.join",
    "os.path.abspath",
    "os.path.dirname",
    "os.path.basename",
    "os.path.expanduser",
    "time.time",
    "time.strftime",
    "datetime.datetime.now",
    "json.load",
    "json.loads",
    "pickle.load",
    "os.listdir",
    "glob.glob",
    "os.makedirs",
    "os.path.exists",
    "os.path.isfile",
)
def outside(call: ApiCall) -> Value:
    """Something of the machine that the program runs on: unknown, but the same wherever it is used."""
    if call.name in ("os.listdir", "glob.glob"):
        return call.machine.new(call.place, ListRecord(items=None, element=UNKNOWN), "files")
    origin = (
        ("call", call.symbol.path, call.machine.identify(call.place, "outside")) if not call.machine.loops else None
    )
    return unknown(f"`{call.symbol.path}(...)` depends on files or the machine", call.place, origin)


@handles("copy.copy", "copy.deepcopy")
def copy(call: ApiCall) -> Value:
    value = call.first
    record = call.machine.get(value)
    if record is not None and isinstance(record, (ListRecord, InstanceRecord)):
        return call.machine.new(call.place, record, "copy")
    return value


@handles("collections.namedtuple", "typing.NamedTuple")
def namedtuple(call: ApiCall) -> Value:
    call.bind_as("typename", "field_names")
    names = builtins.plain_value(call.machine, call.value("field_names"))
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    return call.object("namedtuple", names=tuple(names) if isinstance(names, list) else ())


@attribute("object", "gpu_options")
def options(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    return machine.new(place, ApiObject(record.symbol, "object", {}, place, {}), "options")


@handles("dataclasses.field", "attr.ib", "attrs.field")
def field(call: ApiCall) -> Value:
    return call.object("field")


def field_default(machine: Machine, value: Value, place: Any) -> Value:
    """The value that a dataclass field starts with."""
    record = machine.object(value)
    if record is None or record.kind != "field":
        return value
    default, factory = (
        record.arguments.get("default"),
        record.arguments.get("default_factory") or record.arguments.get("factory"),
    )
    if default is not None and default.given:
        return machine.resolve(default.value)
    if factory is not None and factory.given:
        return machine.resolve(calls.call(machine, factory.value, Arguments([], {}), place))
    return unknown("a field of a dataclass has no default", place)


@handles(
    "types.SimpleNamespace",
    "argparse.Namespace",
    "easydict.EasyDict",
    "ml_collections.ConfigDict",
    "tf.contrib.training.HParams",
)
def namespace(call: ApiCall) -> Value:
    attributes: dict[str, Value] = {name: argument.value for name, argument in call.arguments.keywords.items()}
    attributes["__open__"] = NONE
    return call.machine.new(
        call.place, InstanceRecord(cls=UNKNOWN, attributes=attributes, place=call.place), "namespace"
    )


_EPSILON = ("epsilon of Keras",)


@handles("keras.config.epsilon")
def epsilon(call: ApiCall) -> Value:
    """The small number that Keras adds: 1e-7 unless the program has set another one."""
    known = call.machine.read(_EPSILON)
    return Const(value=1e-7) if known is MISSING else known


@handles("keras.config.set_epsilon")
def set_epsilon(call: ApiCall) -> Value:
    call.bind_as("value")
    call.machine.write(_EPSILON, call.value("value"))
    return NONE
