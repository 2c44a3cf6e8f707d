#!/bin/sh
# keep_ptxas.sh NVCC ARGUMENTS... - runs nvcc and keeps what ptxas says of registers, shared memory and spills beside the object,
# as OBJECT.ptxas: static evidence of every build, which tests/test_ptxas.sh reads.
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
"$@" 2>"$object.ptxas" || status=$?
grep -v -e '^ptxas info' -e 'bytes stack frame' "$object.ptxas" >&2
exit $status
