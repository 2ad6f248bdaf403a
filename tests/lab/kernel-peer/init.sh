#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The first process of the offices' kernel, whose root is the machine's own file system, read-only: loads what IPsec
# needs and then runs whatever scripts come in by TCP. Routers are not its business (kernel_peer.py).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /run/netns /run/root/lib

# The machine has no modules of this kernel where modprobe looks. The kernel itself asks for ciphers by this program too.
ln -s /usr/lib/uml/modules /run/root/lib/modules
printf '#!/bin/bash\nexec /sbin/modprobe -d /run/root "$@"\n' > /run/modprobe
chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
for module in xfrm_user esp4 gcm seqiv cbc echainiv authenc authencesn hmac; do
  /run/modprobe "$module" || echo "kernel-peer: no module $module"
done

ip link set lo up
ip addr add "$shell/30" dev vec0
ip link set vec0 up
exec socat "TCP-LISTEN:7000,bind=$shell,reuseaddr,fork" EXEC:/bin/bash,nofork,stderr
