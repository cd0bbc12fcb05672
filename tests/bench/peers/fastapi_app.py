"""Peer 1: FastAPI on uvicorn (uvloop, httptools), redis-py with hiredis, twenty rules, an XGBoost model of 100 trees.

The four entities are hashes of tiles (tiles.lua). One pipeline reads them, another updates them after the decision. The update
also deletes tiles that are older than every window.

Environment: REDIS_SOCKET, REDIS_DATABASE, MODEL, FETCH (pipeline or gather)
"""
import asyncio
import os
from contextlib import asynccontextmanager

import numpy
import orjson
import redis.asyncio as redis
import xgboost
from fastapi import FastAPI, Response
from pydantic import BaseModel
from ruleset import ENTITIES, FEATURES, WINDOWS, to_python, verdict_of

exec(to_python())  # noqa: S102 — judge(): the rules as one function

HERE = os.path.dirname(__file__)
LEVELS = {str(level): (f"count_{name}", f"sum_{name}", width, count) for level, (name, (width, count)) in enumerate(WINDOWS.items(), 1)}
GATHER = os.environ.get("FETCH") == "gather"
store = redis.Redis(
    unix_socket_path=os.environ["REDIS_SOCKET"], db=int(os.environ["REDIS_DATABASE"]), decode_responses=True, max_connections=256
)
model = xgboost.Booster(model_file=os.environ["MODEL"])
model.set_param({"nthread": 1})
with open(os.path.join(HERE, "tiles.lua"), encoding="utf-8") as file:
    UPDATE = file.read()
update = {}


@asynccontextmanager
async def lifespan(_):
    update["sha"] = await store.script_load(UPDATE)
    yield
    await store.aclose()


app = FastAPI(lifespan=lifespan)


class Payment(BaseModel):
    id: str
    event_time_us: int
    amount_minor: int
    currency: str
    card: str
    customer: str
    merchant: str
    device: str
    country: str
    mcc: str
    channel: str
    return_features: bool = False


def read_tiles(entity, tiles, seconds, features):
    """Sums up the tiles of each window; returns the fields of tiles that are too old."""
    old = []
    firsts = {level: seconds // width - count for level, (_, _, width, count) in LEVELS.items()}
    for count, total, _, _ in LEVELS.values():
        features[f"{entity}_{count}"] = features[f"{entity}_{total}"] = 0
    for field, value in tiles.items():
        level, tile, what = field.split(":")
        if int(tile) <= firsts[level]:
            old.append(field)
        else:
            features[f"{entity}_{LEVELS[level][what == 's']}"] += int(value)
    return old


async def fetch(keys):
    if GATHER:
        return await asyncio.gather(*(store.hgetall(key) for key in keys))
    pipe = store.pipeline(transaction=False)
    for key in keys:
        pipe.hgetall(key)
    return await pipe.execute()


@app.post("/score")
async def score(payment: Payment):
    keys = [getattr(payment, entity) for entity in ENTITIES]
    seconds = payment.event_time_us // 1000000
    found = await fetch(keys)
    facts, changes = {}, store.pipeline(transaction=False)
    for entity, key, tiles in zip(ENTITIES, keys, found):
        old = read_tiles(entity, tiles, seconds, facts)
        if old:
            changes.hdel(key, *old)
    features = [facts[name] for name in FEATURES]
    count, total, amount = facts["card_count_30d"], facts["card_sum_30d"], payment.amount_minor
    times_usual = amount * count / total if count >= 3 and total > 0 else 1.0
    facts |= {"amount": amount, "times_usual": times_usual, "mcc": payment.mcc, "channel": payment.channel, "country": payment.country}
    at_least, by_rules, reasons = judge(facts)  # noqa: F821
    row = numpy.array([[*features, amount, times_usual]], dtype=numpy.float32)
    by_model = int(float(model.inplace_predict(row, validate_features=False)[0]) * 200)
    changes.evalsha(update["sha"], 4, *keys, payment.event_time_us, amount)
    await changes.execute()
    answer = {"id": payment.id, "verdict": verdict_of(by_rules + by_model, at_least), "score": min(by_rules + by_model, 1000)}
    answer |= {"reasons": reasons, "by_model": by_model}
    if payment.return_features:
        answer["features"] = features
    return Response(orjson.dumps(answer), media_type="application/json")
