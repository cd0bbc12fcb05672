"""How well a score ranks bad items above good ones."""
import collections


def auc(scored):
    """The area under the ROC curve of (score, is_bad) pairs: the probability that a random bad item has a
    higher score than a random good one; equal scores count half. Exact: integers until the end."""
    goods, bads = collections.Counter(), collections.Counter()
    for score, is_bad in scored:
        (bads if is_bad else goods)[score] += 1
    if not goods or not bads:
        raise ValueError("needs at least one of each kind")
    below = halves = 0  # goods with a lower score; twice the number of pairs in the right order
    for score in sorted(goods.keys() | bads.keys()):
        halves += bads[score] * (2 * below + goods[score])
        below += goods[score]
    return halves / (2 * goods.total() * bads.total())
