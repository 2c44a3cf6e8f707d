#!/bin/sh
# refer.sh OBJCOPY LD OUT OBJECT... - nvcc's objects as one, without their fat binaries: in the place of each is the path
# of the object that holds it, where fatbin.cpp finds it.  The programs on the software device would hold 137 MB each.
set -eu
objcopy=$1 ld=$2 out=$3
shift 3
parts=$out.parts
rm -rf "$parts"
mkdir -p "$parts"
number=0
for object; do
  case $object in /*) ;; *) object=$PWD/$object ;; esac
  number=$((number + 1))
  printf 'soft/refer\0%s\0' "$object" >"$parts/reference"
  # where there is no such section, as it is
  "$objcopy" --update-section .nv_fatbin="$parts/reference" "$object" "$parts/$number.o" 2>"$parts/said" ||
    cp "$object" "$parts/$number.o"
done
"$ld" -r --force-group-allocation -o "$out" "$parts"/*.o
rm -rf "$parts"
