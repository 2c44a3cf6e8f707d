"""test_model.py - the memory model against published verdicts, and the proofs of the exchanges.

    python3 test_model.py PROJECT_FOLDER

  published   a verdict of others (verdicts/), reproduced
  proof       a claim beside a kernel (kernels/persistent/NAME.litmus): it holds in every execution, and none
              hangs
  weaker      an instruction of such a proof removed or weakened: some litmus test of that kernel must notice,
              unless the file lists it as redundant, and then none may
  kernel      the instructions of a litmus test are in the kernel, and the kernel names its proof
"""
import pathlib
import re
import sys

from litmus import parse_litmus, parse_verdicts
from ptx_model import Search, decide
from weaken import weaker_tests

# Instructions as the kernels' inline assembly has them, and where.
IN_SOURCE = {
    "st.release.gpu": "simt.h", "ld.acquire.gpu": "simt.h", "barrier.cluster.arrive.release": "simt.h",
    "barrier.cluster.wait.acquire": "simt.h", "st.relaxed.gpu": "async.h", "ld.relaxed.gpu": "async.h",
    "mbarrier.init": "async.h", "fence.mbarrier_init.release.cluster": "async.h",
    "mbarrier.arrive.expect_tx": "async.h", "mbarrier.try_wait.parity.acquire.cluster": "async.h",
    "st.async": "async.h", "cp.async.bulk": "async.h", "fence.proxy.async": "async.h",
    "fence.acq_rel.gpu": "simt.h"}
# The defaults of PTX, and the form of the wait.
DEFAULTS = {"mbarrier.arrive.expect_tx.release.cta": "mbarrier.arrive.expect_tx",
            "mbarrier.try_wait.acquire.cluster": "mbarrier.try_wait.parity.acquire.cluster"}

count = {"pass": 0, "FAIL": 0, "skip": 0}


def report(good, name, why=""):
    count["pass" if good else "FAIL"] += 1
    print(f"pass {name}" if good else f"FAIL {name}: {why}")


def verdicts(folder):
    for path in sorted(folder.glob("*.txt")):
        for test in parse_verdicts(path.read_text("utf-8")):
            report(Search(test).claim() == test.published, f"published {test.name}",
                   f"{test.quantifier} " + ("fails" if test.published else "holds") + " here")


def kernel_of(stem, kernels):
    """grid_packets_reuse belongs to grid_packets, not to grid."""
    return max((k for k in kernels if stem == k or stem.startswith(k + "_")), key=len, default=None)


def proofs(kernel, tests):
    redundant = {key: reason for t in tests for key, reason in t.redundant.items()}
    noticed, all_weaker = {}, set()
    for test in tests:
        result = decide(test)
        report(result == "proved", f"proof {test.name}", result)
        for key, weaker in weaker_tests(test).items():
            all_weaker.add(key)
            if key not in noticed:
                result = decide(weaker)
                if result != "proved":
                    noticed[key] = f"{test.name}: {result}"
    for key in sorted(all_weaker | set(redundant)):
        name = f"weaker {kernel}: {key[0]} {key[1]}"
        if key not in redundant:
            report(key in noticed, f"{name} ({noticed.get(key)})", "no litmus test notices it: is it needed?")
        elif key not in all_weaker:
            report(False, f"{name} is redundant", "no such weakening")
        else:
            report(key not in noticed, f"{name} is redundant", f"no: {noticed.get(key)}")


def barriers_in(text, exchange):
    """How many __syncthreads an exchange of a step takes, what it inherits and does not replace included."""
    def body(name):
        return re.search(r"struct " + name + r"\b[^;{]*{(?:}|.*?\n});", text, re.S).group(0)
    own = body("exchange_" + exchange)
    heirs = re.findall(r"exchange_(?!plain|on_barriers)\w+", own.split("\n")[0])[1:]
    functions = {}
    for struct in [body(name) for name in heirs] + [own]:
        functions.update(re.findall(r"(\w+)\([^()]*\) {(.*?)\n?(?=\n  static|\n  template|\n};|$)", struct, re.S))
    return "".join(functions.values()).count("__syncthreads()")


def sources(kernel, tests, project):
    persistent = project / "kernels" / "persistent"
    text = (persistent / f"{kernel}.cu").read_text("utf-8")
    report(f"{kernel}.litmus" in text, f"kernel {kernel}.cu names its proof", f"{kernel}.litmus is not in it")
    wanted = set()
    for i in (i for t in tests for thread in t.threads for i in thread.code if i.name and i.op[0] != "bar"):
        op = ".".join(i.op)
        wanted.add(DEFAULTS.get(op, op))
    for op in sorted(wanted):
        place = IN_SOURCE.get(op)
        found = place and re.search(re.escape(op) + r"[.;\" ]",
                                    (project / "kernels" / place).read_text("utf-8"))
        report(bool(found), f"kernel {kernel}: {op}", "not in the kernel's source")
    bars = {i.name for t in tests for thread in t.threads for i in thread.code if i.op[0] == "bar"}
    bars -= {"filled", "enter", "sums", "warp"}  # kernel.h has them
    there = barriers_in((persistent / "exchange.h").read_text("utf-8"), kernel)
    report(there == len(bars), f"kernel {kernel}: __syncthreads of the exchange",
           f"{there} in exchange.h, {len(bars)} in the litmus tests")


def main(project):
    here = pathlib.Path(__file__).resolve().parent
    verdicts(here / "verdicts")
    persistent = project / "kernels" / "persistent"
    kernels = re.findall(r"X\((\w+), \"persistent-", (persistent / "algorithms.h").read_text("utf-8"))
    tests = {k: [] for k in kernels}
    for path in sorted(persistent.glob("*.litmus")):
        test = parse_litmus(path.read_text("utf-8"))
        report(test.name == path.stem and kernel_of(path.stem, kernels) is not None, f"kernel of {path.name}",
               f"no algorithm of that name, or the test is called {test.name}")
        tests.get(kernel_of(path.stem, kernels), []).append(test)
    for kernel in kernels:
        report(bool(tests[kernel]), f"proof of {kernel} exists", f"no {kernel}.litmus")
        if tests[kernel]:
            proofs(kernel, tests[kernel])
            sources(kernel, tests[kernel], project)
    # What one proof rests on (see the file): should the answer change, the comment there must as well.
    test = next(t for t in tests["cluster_async"] if t.name == "cluster_async_reuse")
    report(decide(test, strict=True) == "violated", "cluster_async_reuse needs the release of st.async",
           "it holds without: mend the comment in the file")
    print(f"{count['pass']} passed, {count['FAIL']} failed, {count['skip']} skipped")
    return count["FAIL"] > 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
