#!/usr/bin/env python3
"""symbols.py finds what it is for."""
import unittest

from symbols import faults_of

LISTING = """\
core/feature/libfeature.a:core/feature/libfeature.a.p/glance.c.o:0000000000000000 T glance
server/libserver.a:server/libserver.a.p/authorize.c.o:0000000000000010 T glance
server/libserver.a:server/libserver.a.p/authorize.c.o:0000000000000020 T authorize
clients/c/libharrier.a:clients/c/libharrier.a.p/call.c.o:0000000000000020 T harrier_score
clients/c/libwhole.a:clients/c/libwhole.a.p/call.c.o:0000000000000020 T harrier_score
clients/c/libharrier.a:libharrier.a.o:0000000000000020 T harrier_score
core/base/libbase.a:core/base/libbase.a.p/text.c.o:0000000000000020 W shared
core/base/libbase.a:core/base/libbase.a.p/hash.c.o:0000000000000020 W shared
"""


class SymbolsTest(unittest.TestCase):
    def test_two_files(self):
        self.assertEqual(faults_of(LISTING), (["glance is defined in authorize.c.o and glance.c.o"], 3))

    def test_one_of_each(self):
        without = "".join(line for line in LISTING.splitlines(True) if "glance.c" not in line)
        self.assertEqual(faults_of(without), ([], 3))


if __name__ == "__main__":
    unittest.main()
