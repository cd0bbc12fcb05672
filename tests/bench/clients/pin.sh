# Sourced by the .run scripts: sets `servers_on` and `client_on`, the prefixes that pin servers and client to cores.
#
#   PIN=0,1    servers on core 0, the client on core 1 (the default where there are two)
#   PIN=0      everything on core 0
#   PIN=       left to the kernel: figures then vary up to threefold between runs
if [ -z "${PIN+set}" ] && [ "$(nproc)" -ge 2 ]; then PIN=0,1; fi
servers_on=() client_on=()
if [ -n "${PIN-}" ]; then
    servers_on=(taskset -c "${PIN%%,*}")
    client_on=(taskset -c "${PIN##*,}")
fi
