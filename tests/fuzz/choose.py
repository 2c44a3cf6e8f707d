"""The few files of a corpus that reach the most:  python3 choose.py CONTROL FOLDER MOST

CONTROL is what libFuzzer's -merge_control_file wrote: which files there were, and which features each reaches.
FOLDER afterwards holds at most MOST of them, named by their contents, and those that it had under names that
begin with "found-": inputs that once did harm.
"""

import hashlib
import os
import sys


def read_control(path):
    """[(file, its features)]."""
    with open(path) as file:
        count = int(file.readline())
        file.readline()
        names = [file.readline().rstrip("\n") for _ in range(count)]
        features = [set() for _ in names]
        for line in file:
            words = line.split()
            if words[0] == "FT":
                features[int(words[1])].update(int(word) for word in words[2:])
    return list(zip(names, features))


def worth(features, size):
    """Eight features, of how often it was passed, are one edge; a longer file must reach more."""
    return (len({feature // 8 for feature in features}) + len(features) / 100) / (512 + size)


def choose(files, most):
    left = [(name, features, os.path.getsize(name)) for name, features in files]
    chosen, reached, edges = [], set(), set()
    while left and len(chosen) < most:
        name, features, _ = max(left, key=lambda f: (worth([x for x in f[1] - reached if x // 8 not in edges], f[2]),
                                                     worth(f[1] - reached, f[2])))
        if not features - reached:
            break
        chosen.append(name)
        reached |= features
        edges |= {feature // 8 for feature in features}
        left = [f for f in left if f[0] != name]
    return chosen


def main():
    control, folder, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    contents = []
    for name in choose(read_control(control), most):
        with open(name, "rb") as file:
            contents.append(file.read())
    found = [name for name in os.listdir(folder) if name.startswith("found-")]
    for name in os.listdir(folder):
        if name not in found:
            os.unlink(os.path.join(folder, name))
    for content in contents:
        with open(os.path.join(folder, hashlib.sha1(content).hexdigest()[:12]), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
