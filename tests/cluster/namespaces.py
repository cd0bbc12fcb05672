"""Machines of a test: network namespaces on one bridge, so that a machine's network can be cut. Needs root.

The test itself is on the network, too, and reaches every machine; harrierd's ipc:// addresses are files and work however the network
is cut.
"""
import os
import subprocess


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Machine:
    def __init__(self, network, number):
        self.name = f"{network.name}-{number}"
        self.host = f"{network.prefix}.{number}"
        self.link = f"{network.name}v{number}"  # the bridge's end of its cable
        ip("netns", "add", self.name)
        ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", self.link, "master", network.name, "up")
        ip("-n", self.name, "address", "add", f"{self.host}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", self.name, "link", "set", device, "up")
        self.prefix = ("ip", "netns", "exec", self.name)

    def cut(self):
        ip("link", "set", self.link, "down")

    def mend(self):
        ip("link", "set", self.link, "up")


class Network:
    """count machines, until the end of the `with`."""

    def __init__(self, count):
        self.name = f"hx{os.getpid() % 100000}"
        self.prefix = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self.count = count
        self.machines = []

    def __enter__(self):
        ip("link", "add", self.name, "type", "bridge")
        ip("address", "add", f"{self.prefix}.254/24", "dev", self.name)
        ip("link", "set", self.name, "up")
        self.machines = [Machine(self, i + 1) for i in range(self.count)]
        return self

    def __exit__(self, *_):
        for machine in self.machines:
            subprocess.run(["ip", "netns", "delete", machine.name], check=False)
        subprocess.run(["ip", "link", "delete", self.name], check=False)
