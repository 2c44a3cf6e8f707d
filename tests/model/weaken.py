"""weaken.py - every way to weaken one instruction of a proof.

An instruction of the kernel is all rows of one name; it is weakened in all of them at once, as an edit of the
kernel's source would.  What there is to weaken:

  bar.sync, both halves of barrier.cluster, fences, mbarrier operations   removed
  barrier.cluster.arrive.release                                          relaxed
  strong loads, stores, atomics; fences          each narrower scope; release, acquire to relaxed; all to weak
  a load that polls                              not awaited: read once
  fence.sc; fence.proxy.async                    acq_rel; for one state space only
  st.async                                       plain: a store that completes nothing
"""
import copy
import dataclasses

ORDERS = ("acq_rel", "release", "acquire", "relaxed")
SCOPES = ("sys", "gpu", "cluster", "cta")


def narrower(op):
    """The scopes below the instruction's own."""
    own = next((s for s in SCOPES if s in op), None)
    return SCOPES[SCOPES.index(own) + 1:] if own else ()


def replaced(op, old, new):
    return [new if word == old else word for word in op]


def removed(instruction):
    return None


def with_op(op):
    return lambda instruction: dataclasses.replace(instruction, op=op)


def weakenings(instruction):
    """(what is done, change) for each; change(instruction) is the weaker one, or None."""
    op = instruction.op
    kind = op[0]
    if kind == "bar":
        return [("removed", removed)]
    if kind == "barrier":
        relax = [("relaxed", with_op(replaced(op, "release", "relaxed")))] if "release" in op else []
        return [("removed", removed)] + relax
    if kind == "fence" and op[1] in ("proxy", "mbarrier_init"):
        spaces = ("global", "shared") if op[1:] == ["proxy", "async"] else ()
        return [("removed", removed)] + [(f"{s} only", with_op(op + [s])) for s in spaces]
    if kind == "st" and "async" in op:
        return [("plain", lambda i: dataclasses.replace(i, op=["st", "weak"], args=i.args[:2]))]
    found = [("removed", removed)] if kind in ("fence", "mbarrier") else []
    if kind == "fence" and "sc" in op:
        found.append(("acq_rel", with_op(replaced(op, "sc", "acq_rel"))))
    if kind == "mbarrier" and op[1] == "init":
        return found
    found += [(s, with_op(replaced(op, next(x for x in SCOPES if x in op), s))) for s in narrower(op)]
    order = next((o for o in ORDERS if o in op), None)
    if kind != "fence" and order in ("release", "acquire", "acq_rel"):
        found.append(("relaxed", with_op(replaced(op, order, "relaxed"))))
    if order and kind in ("ld", "st"):
        found.append(("weak", with_op([kind, "weak"])))
    if instruction.until:
        found.append(("not awaited", lambda i: dataclasses.replace(i, until=None)))
    return found


def weaker_tests(test):
    """{(name, what is done): the test with that weakening}."""
    tests = {}
    named = [i for t in test.threads for i in t.code if i.name]
    for name in sorted({i.name for i in named}):
        for what in sorted({w for i in named if i.name == name for w, _ in weakenings(i)}):
            weaker = copy.copy(test)
            weaker.threads = []
            for thread in test.threads:
                thread = copy.copy(thread)
                thread.code = [changed for i in thread.code for changed in [weaken(i, name, what)] if changed]
                weaker.threads.append(thread)
            tests[name, what] = weaker
    return tests


def weaken(instruction, name, what):
    if instruction.name != name:
        return instruction
    for w, change in weakenings(instruction):
        if w == what:
            return change(instruction)
    return instruction
