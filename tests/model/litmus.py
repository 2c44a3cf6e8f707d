"""litmus.py - litmus tests as text.

A litmus test is a program of a few threads and a claim about what they may read.  Two notations, one language
of instructions:

  the field's own, one column a thread, for the proofs beside the kernels (kernels/persistent/*.litmus):

      PTX name
      (* what it is *)
      { x = 0; shared o = 0; mbarrier m; }
       P0@cta 0,cluster 0,gpu 0 | P1@cta 1,cluster 1,gpu 0 ;
       st.weak x, 1             |                          ;
       st.release.gpu f, 1      | ld.acquire.gpu r0, f until r0 = 1 ; flag
                                | ld.weak r1, x            ;
      forall (P1:r1 = 1)

      The word behind a row's semicolon names the instruction of the kernel that the row stands for: rows of
      one name are one instruction, which weaken.py weakens everywhere at once.
      `redundant NAME WEAKER: reason` lists a weakening that the claim survives.

  and a compact one, for the verdicts of others (verdicts/*.txt), two lines or more a test:

      MP-gpu: holds ~exists P1:r1 = 1 /\\ P1:r2 != 1
        @0 st.weak x, 1; st.release.gpu y, 1 | @0 ld.acquire.gpu r1, y; ld.weak r2, x

      @cta, @cta:cluster or @cta/gpu places a thread; `holds` or `fails` is the published verdict; {...}
      before the first thread gives initial values and aliases.  `ends` claims that no thread waits for ever.

Instructions are PTX without types, brackets and state spaces.  What is added: `until CONDITION` behind a load
that polls, `@(CONDITION)` before an instruction that is executed only if it holds.
"""
import re
from dataclasses import dataclass, field


class Malformed(Exception):
    """The text is not a litmus test."""


@dataclass
class Instruction:
    op: list                 # "ld.acquire.gpu" split at the dots
    args: list               # words
    until: object = None     # the condition that ends polling
    guard: object = None     # the condition under which it is executed
    name: str = ""           # of the row

    def text(self):
        return ".".join(self.op) + " " + ", ".join(self.args)


@dataclass
class Thread:
    cta: tuple               # (gpu, cta)
    cluster: tuple           # (gpu, cluster)
    gpu: int
    code: list = field(default_factory=list)


@dataclass
class Test:
    name: str
    threads: list
    init: dict               # location or (thread, register) -> value
    address: dict            # name of an alias -> (what it is an alias of, proxy)
    shared: set              # locations in shared memory
    mbarriers: set           # initially 1: initialised for one arrival; 0: not yet
    quantifier: str          # exists, ~exists, forall; ends: no thread waits for ever
    condition: object
    redundant: dict = field(default_factory=dict)  # (name, weakening) -> reason
    published: bool = None   # verdict


# ---- conditions: nested tuples ("and", a, b), ("or", a, b), ("not", a), (relation, left, right) ----

TOKEN = re.compile(r"\s*(/\\|\\/|!=|==|>=|<=|[()=<>~]|P?\d+:\w+|[A-Za-z_]\w*|-?\d+)")


def parse_condition(text):
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise Malformed(f"condition: {text[at:]!r}")
        tokens.append(m.group(1))
        at = m.end()

    def either():
        left = both()
        while tokens and tokens[0] == "\\/":
            tokens.pop(0)
            left = ("or", left, both())
        return left

    def both():
        left = one()
        while tokens and tokens[0] == "/\\":
            tokens.pop(0)
            left = ("and", left, one())
        return left

    def one():
        if not tokens:
            raise Malformed(f"condition ends early: {text!r}")
        t = tokens.pop(0)
        if t == "~":
            return ("not", one())
        if t == "(":
            inside = either()
            if not tokens or tokens.pop(0) != ")":
                raise Malformed(f"condition: no ) in {text!r}")
            return inside
        if len(tokens) < 2:
            raise Malformed(f"condition ends early: {text!r}")
        relation, right = tokens.pop(0), tokens.pop(0)
        return ("=" if relation == "==" else relation, operand(t), operand(right))

    result = either()
    if tokens:
        raise Malformed(f"condition: {tokens} left in {text!r}")
    return result


def operand(t):
    if re.fullmatch(r"-?\d+", t):
        return int(t)
    m = re.fullmatch(r"P?(\d+):(\w+)", t)
    return (int(m.group(1)), m.group(2)) if m else t


RELATIONS = {"=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">=": lambda a, b: a >= b,
             "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, "<": lambda a, b: a < b}


def holds(condition, value):
    """Whether it holds where value(operand) gives registers and locations."""
    kind = condition[0]
    if kind == "and":
        return holds(condition[1], value) and holds(condition[2], value)
    if kind == "or":
        return holds(condition[1], value) or holds(condition[2], value)
    if kind == "not":
        return not holds(condition[1], value)
    left, right = (x if isinstance(x, int) else value(x) for x in condition[1:])
    return RELATIONS[kind](left, right)


def operands(condition):
    """The registers and locations in it."""
    if condition[0] in ("and", "or", "not"):
        return set().union(*(operands(c) for c in condition[1:]))
    return {x for x in condition[1:] if not isinstance(x, int)}


# ---- instructions ----

WORDS = set("""
    st ld atom red sust suld tld cold fence bar barrier mbarrier cp mov add sub
    weak relaxed acquire release acq_rel sc volatile cta cluster gpu sys
    exch cas proxy alias surface texture constant async global shared bulk
    sync arrive wait init expect_tx try_wait mbarrier_init""".split())


def parse_instruction(text, name=""):
    text, guard, until = text.strip(), None, None
    if text.startswith("@("):
        depth = 0
        for i, c in enumerate(text):
            depth += (c == "(") - (c == ")")
            if c == ")" and depth == 0:
                guard, text = parse_condition(text[2:i]), text[i + 1:].strip()
                break
    if " until " in text:
        text, condition = text.split(" until ")
        until = parse_condition(condition)
    op, _, rest = text.partition(" ")
    unknown = set(op.split(".")) - WORDS
    if unknown:  # a misspelt order would silently be a weak one
        raise Malformed(f"instruction {text!r}: {', '.join(unknown)}")
    return Instruction(op.split("."), [a.strip() for a in rest.split(",") if a.strip()], until, guard, name)


def parse_declarations(text, test):
    """{ x = 0; shared o = 0; mbarrier m; P0:r1 = 2; s @ surface aliases x }"""
    for line in text.split(";"):
        line = line.strip()
        if not line:
            continue
        m = re.fullmatch(r"(\w+) @ (\w+) aliases (\w+)", line)
        if m:
            test.address[m.group(1)] = (m.group(3), m.group(2))
            continue
        m = re.fullmatch(r"(shared |mbarrier )?\s*(P?\d+:\w+|\w+)(?:\s*=\s*(-?\d+))?", line)
        if not m:
            raise Malformed(f"{test.name}: declaration {line!r}")
        what = operand(m.group(2))
        test.init[what] = int(m.group(3) or 0)
        if m.group(1):
            test.shared.add(what)
        if m.group(1) == "mbarrier ":
            test.mbarriers.add(what)


def parse_place(text):
    """P0@cta 0,cluster 0,gpu 0; who names no cluster is alone with its block."""
    at = dict(re.findall(r"(cta|cluster|gpu) (\d+)", text))
    if "cta" not in at:
        raise Malformed(f"place {text!r}")
    gpu, cta = int(at.get("gpu", 0)), int(at["cta"])
    return Thread((gpu, cta), (gpu, at.get("cluster", f"of {cta}")), gpu)


def new_test(name):
    return Test(name, [], {}, {}, set(), set(), "", None)


# ---- the two notations ----

def parse_litmus(text):
    """The notation with columns."""
    text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)
    m = re.match(r"\s*PTX (\S+)\s*\{(.*?)\}(.*?)\n\s*(~?exists|forall)\s*(\(.*?\))\s*"
                 r"(?=\n\s*redundant|\Z)(.*)", text, re.S)
    if not m:
        raise Malformed("expected: PTX name { ... } rows, then exists, ~exists or forall (condition)")
    test = new_test(m.group(1))
    parse_declarations(m.group(2), test)
    rows = [r for r in m.group(3).split("\n") if r.strip()]
    test.threads = [parse_place(p) for p in rows[0].rsplit(";", 1)[0].split("|")]
    for row in rows[1:]:
        cells, _, name = row.rpartition(";")
        for thread, cell in zip(test.threads, cells.split("|")):
            if cell.strip():
                thread.code.append(parse_instruction(cell, name.strip()))
    test.quantifier, test.condition = m.group(4), parse_condition(m.group(5))
    for line in m.group(6).strip().split("\n"):
        if line.strip():
            r = re.fullmatch(r"redundant (\S+) ([^:]+):\s*(.+)", line.strip())
            if not r:
                raise Malformed(f"{test.name}: {line!r}")
            test.redundant[(r.group(1), r.group(2).strip())] = r.group(3)
    return test


def parse_verdicts(text):
    """The compact notation: a list of tests."""
    tests = []
    for block in re.split(r"\n(?=\S)", "\n" + re.sub(r"(?m)^#.*\n", "", text)):
        if not block.strip():
            continue
        head, _, body = block.strip().partition("\n")
        m = re.fullmatch(r"(\S+): (holds|fails) (~?exists|forall|ends)\s?(.*)", head.strip())
        if not m:
            raise Malformed(f"verdict {head!r}")
        test = new_test(m.group(1))
        test.published, test.quantifier = m.group(2) == "holds", m.group(3)
        test.condition = parse_condition(m.group(4) or "0 = 0")
        body = " ".join(body.split())
        d = re.match(r"\{(.*?)\}", body)
        if d:
            parse_declarations(d.group(1), test)
            body = body[d.end():].strip()
        for column in body.split(" | "):
            p = re.match(r"@(\d+)(?::(\d+))?(?:/(\d+))?\s*", column)
            if not p:
                raise Malformed(f"{test.name}: thread {column!r}")
            cluster = f"cluster {p.group(2)}," if p.group(2) else ""
            thread = parse_place(f"cta {p.group(1)},{cluster}gpu {p.group(3) or 0}")
            thread.code = [parse_instruction(i) for i in column[p.end():].split(";") if i.strip()]
            test.threads.append(thread)
        tests.append(test)
    return tests
