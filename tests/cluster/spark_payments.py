#!/usr/bin/env python3
"""Payments of the Handbook's form, in any number: 180 days, a customer for each hundred, a terminal for each five
hundred, some much busier than others; 0.8 % are fraud. By chance, and the same for a number on every machine.

usage: spark_payments.py N
"""
import random
import sys
import time

N, DAYS, START, BLOCK = int(sys.argv[1]), 180, 1522540800, 10000
chance = random.Random(N)
customers, terminals = max(1, N // 100), max(1, N // 500)
out = sys.stdout
out.write("TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,TX_FRAUD_SCENARIO\n")
for first in range(0, N, BLOCK):
    lines = []
    for number in range(first, min(first + BLOCK, N)):
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(START + number * DAYS * 86400 // N))
        a, b, fraud = chance.random(), chance.random(), chance.random() < 0.008
        cents = 100 + int(chance.random() * 12000) * (3 if fraud else 1)
        lines.append(f"{number},{moment},{int(a * a * customers)},{int(b * b * terminals)},{cents / 100:.2f},"
                     f"{int(fraud)},{int(fraud)}\n")
    out.write("".join(lines))
