"""What the models of handbook_models read besides the features of rules/handbook.

Everything is known when the payment is decided: windows over outcomes begin seven days back or more. Terminals stay
compromised for four weeks, customers for two, so the windows say what was known of them and since when."""
CUSTOMER = """\
    # What is usual, from before the last two weeks, over a longer time than in the rules
    - {name: usual_amount_120d, aggregate: mean, of: amount, window: 120d, delay: 14d, where: "!(outcome == 'fraud')"}
    - {name: usual_stddev_120d, aggregate: stddev, of: amount, window: 120d, delay: 14d}
    - {name: usual_count_120d, aggregate: count, window: 120d, delay: 14d}
    - {name: usual_largest_120d, aggregate: max, of: amount, window: 120d, delay: 14d}
    # What has been paid since
    - {name: count_14d, aggregate: count, window: 14d, exclude_current: true}
    - {name: mean_14d, aggregate: mean, of: amount, window: 14d, exclude_current: true}
    - {name: stddev_14d, aggregate: stddev, of: amount, window: 14d, exclude_current: true}
    - {name: p75_14d, aggregate: quantile, q: 0.75, of: amount, window: 14d, exclude_current: true}
    - {name: p90_14d, aggregate: quantile, q: 0.9, of: amount, window: 14d, exclude_current: true}
    - {name: largest_7d, aggregate: max, of: amount, window: 7d, exclude_current: true}
    - {name: largest_3d, aggregate: max, of: amount, window: 3d, exclude_current: true}
    - {name: frauds_7d, aggregate: count, where: "outcome == 'fraud'", window: 7d, delay: 7d}
    - {name: frauds_21d, aggregate: count, where: "outcome == 'fraud'", window: 21d, delay: 7d}
"""
TERMINAL = """\
    - {name: frauds_1d, aggregate: count, where: "outcome == 'fraud'", window: 1d, delay: 7d}
""" + "".join(f"""\
    - {{name: frauds_{days}d, aggregate: count, where: "outcome == 'fraud'", window: {days}d, delay: 7d}}
    - {{name: count_{days}d, aggregate: count, window: {days}d, delay: 7d}}
""" for days in (2, 5, 10, 14, 21, 28)) + """\
    # By week, to see a series of frauds begin and end
    - {name: frauds_2w_ago, aggregate: count, where: "outcome == 'fraud'", window: 7d, delay: 14d}
    - {name: count_2w_ago, aggregate: count, window: 7d, delay: 14d}
    - {name: count_3w_ago, aggregate: count, window: 7d, delay: 21d}
    - {name: count_4w_ago, aggregate: count, window: 7d, delay: 28d}
    # When they were: the mean and the spread of their times
    - {name: fraud_hour_mean, aggregate: mean, of: hour_number, where: "outcome == 'fraud'", window: 35d, delay: 7d}
    - {name: fraud_hour_stddev, aggregate: stddev, of: hour_number, where: "outcome == 'fraud'", window: 35d, delay: 7d}
    - {name: honest_hour_mean, aggregate: mean, of: hour_number, where: "!(outcome == 'fraud')", window: 14d, delay: 7d}
    # At a compromised terminal frauds have ordinary amounts; large ones are of stolen cards.
    - {name: small_frauds_7d, aggregate: count, where: "outcome == 'fraud' && amount < 100.0", window: 7d, delay: 7d}
    - {name: fraud_amount_mean, aggregate: mean, of: amount, where: "outcome == 'fraud'", window: 14d, delay: 7d}
    - {name: payments_7d, aggregate: count, window: 7d}
"""


def _ratio(name, dividend, divisor):
    present = "".join(f"has({part}) && " for part in (dividend, divisor) if part != "amount")
    return f"""  - {{name: {name}, value: "{present}{divisor} > 0.0 ? {dividend} / {divisor} : 1.0"}}\n"""


USUAL = "customer.usual_amount_120d"
VALUES = """\
  - {name: hours, value: "double(int(event_time) / 3600)"}
  - {name: frauds_age, value: "has(terminal.fraud_hour_mean) ? hours - terminal.fraud_hour_mean : -1.0"}
  - name: frauds_began
    about: Times that are spread evenly begin 1.73 standard deviations before their mean
    value: |
      has(terminal.fraud_hour_mean) && has(terminal.fraud_hour_stddev)
        ? hours - terminal.fraud_hour_mean + 1.73 * terminal.fraud_hour_stddev : -1.0
  - {name: honest_age, value: "has(terminal.honest_hour_mean) ? hours - terminal.honest_hour_mean : -1.0"}
  - name: sigmas
    value: |
      has(customer.usual_stddev_120d) && has(customer.usual_amount_120d) && customer.usual_stddev_120d > 0.0
        ? (amount - customer.usual_amount_120d) / customer.usual_stddev_120d : 0.0
""" + "".join((
    _ratio("times_usual_120d", "amount", USUAL),
    _ratio("times_largest_120d", "amount", "customer.usual_largest_120d"),
    _ratio("p75_14d_times", "customer.p75_14d", USUAL),
    _ratio("p90_14d_times", "customer.p90_14d", USUAL),
    _ratio("largest_14d_times", "customer.largest_14d", USUAL),
    _ratio("largest_7d_times", "customer.largest_7d", USUAL),
    _ratio("largest_3d_times", "customer.largest_3d", USUAL),
    _ratio("mean_14d_times", "customer.mean_14d", USUAL),
    _ratio("stddev_14d_times", "customer.stddev_14d", "customer.usual_stddev_120d")))
DERIVED = """\
derived:
  hour_number: {type: int, value: int(event_time) / 3600}
"""
# After which lines of features.yaml the additions go.
PLACES = (("\nfeatures:\n  customer:\n", CUSTOMER), ("\n  terminal:\n", TERMINAL), ("\nvalues:\n", VALUES))


def add_to(folder):
    """Adds them to a copy of rules/handbook."""
    path = f"{folder}/features.yaml"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for place, addition in PLACES:
        if text.count(place) != 1:
            raise RuntimeError(f"{path}: expected the lines {place!r} once")
        text = text.replace(place, place + addition)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    with open(f"{folder}/schema.yaml", "a", encoding="utf-8") as file:
        file.write(DERIVED)
