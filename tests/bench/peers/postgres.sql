-- Peer 4: everything in one PostgreSQL function. There is a row for each entity, window and tile. One statement reads the tiles of
-- four entities, twenty rules follow, and one statement updates the tiles. ruleset.py replaces --@RULES@ with the rules.
CREATE TABLE tile (
    entity smallint, -- 1 card, 2 customer, 3 merchant, 4 device
    key text,
    level smallint,  -- 1: minutes, read by 10m; 2: five minutes, 1h; 3: hours, 1d; 4: days, 30d
    tile bigint,
    count bigint NOT NULL,
    sum bigint NOT NULL,
    PRIMARY KEY (entity, key, level, tile)
) WITH (fillfactor = 80);

CREATE TYPE features AS (
    card_count_10m bigint, card_count_1h bigint, card_count_1d bigint, card_count_30d bigint,
    card_sum_10m bigint, card_sum_1h bigint, card_sum_1d bigint, card_sum_30d bigint,
    customer_count_10m bigint, customer_count_1h bigint, customer_count_1d bigint, customer_count_30d bigint,
    customer_sum_10m bigint, customer_sum_1h bigint, customer_sum_1d bigint, customer_sum_30d bigint,
    merchant_count_10m bigint, merchant_count_1h bigint, merchant_count_1d bigint, merchant_count_30d bigint,
    merchant_sum_10m bigint, merchant_sum_1h bigint, merchant_sum_1d bigint, merchant_sum_30d bigint,
    device_count_10m bigint, device_count_1h bigint, device_count_1d bigint, device_count_30d bigint,
    device_sum_10m bigint, device_sum_1h bigint, device_sum_1d bigint, device_sum_30d bigint
);

CREATE FUNCTION score(
    card text, customer text, merchant text, device text, event_time_us bigint, amount bigint,
    channel text, country text, mcc text,
    OUT verdict text, OUT score int, OUT reasons text[], OUT f features
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    keys text[] := ARRAY[card, customer, merchant, device];
    seconds bigint := event_time_us / 1000000;
    now bigint[] := ARRAY[seconds / 60, seconds / 300, seconds / 3600, seconds / 86400];
    oldest bigint[] := ARRAY[now[1] - 10, now[2] - 12, now[3] - 24, now[4] - 30];
    counts bigint[];
    sums bigint[];
    times_usual double precision := 1;
    at_least int := 0;
BEGIN
    SELECT array_agg(coalesce(found.count, 0) ORDER BY e, l), array_agg(coalesce(found.sum, 0) ORDER BY e, l)
    INTO counts, sums
    FROM generate_series(1, 4) e, generate_series(1, 4) l,
        LATERAL (SELECT sum(t.count)::bigint AS count, sum(t.sum)::bigint AS sum FROM tile t
                 WHERE t.entity = e AND t.key = keys[e] AND t.level = l AND t.tile > oldest[l]) found;
    f := ROW(counts[1], counts[2], counts[3], counts[4], sums[1], sums[2], sums[3], sums[4],
             counts[5], counts[6], counts[7], counts[8], sums[5], sums[6], sums[7], sums[8],
             counts[9], counts[10], counts[11], counts[12], sums[9], sums[10], sums[11], sums[12],
             counts[13], counts[14], counts[15], counts[16], sums[13], sums[14], sums[15], sums[16]);
    IF f.card_count_30d >= 3 AND f.card_sum_30d > 0 THEN
        times_usual := amount::double precision * f.card_count_30d / f.card_sum_30d;
    END IF;
    score := 0;
    reasons := '{}';
--@RULES@
    verdict := (ARRAY['approve', 'review', 'challenge', 'decline'])[1 + greatest(at_least,
        CASE WHEN score >= 750 THEN 3 WHEN score >= 550 THEN 2 WHEN score >= 300 THEN 1 ELSE 0 END)];
    score := least(score, 1000);
    -- In the order of the primary key, so that concurrent calls cannot deadlock.
    INSERT INTO tile AS t (entity, key, level, tile, count, sum)
    SELECT e, keys[e], l, now[l], 1, amount FROM generate_series(1, 4) e, generate_series(1, 4) l ORDER BY e, l
    ON CONFLICT ON CONSTRAINT tile_pkey DO UPDATE SET count = t.count + 1, sum = t.sum + excluded.sum;
END $$;
