#!/bin/sh
# keep_ptxas.sh NVCC ARGUMENTS... - runs nvcc and keeps what tests/test_ptxas.sh reads beside the object:
#   OBJECT.ptxas   what ptxas says of registers, shared memory and spills
#   OBJECT.mix     how often each kind of instruction occurs in each kernel (instruction_mix.awk)
here=$(dirname "$0")
object=
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
case $object in
  *.o) ;;
  *) exec "$@" ;;
esac
status=0
rm -rf "$object.keep"
mkdir -p "$object.keep"
"$@" --keep --keep-dir "$object.keep" 2>"$object.ptxas" || status=$?
find "$object.keep" -name '*.ptx' -exec awk -f "$here/instruction_mix.awk" {} + >"$object.mix"
rm -rf "$object.keep"
grep -v -e '^ptxas info' -e 'bytes stack frame' "$object.ptxas" >&2
exit $status
