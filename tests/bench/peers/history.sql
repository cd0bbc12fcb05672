-- Fills the PostgreSQL peer with a month of payments in one statement, of the same kind as those of payment.pgbench.
INSERT INTO tile (entity, key, level, tile, count, sum)
SELECT entity, key, level, seconds / width, count(*), sum(amount)
FROM (
    SELECT (:start / 1000000 - 2592000 + 2592000.0 / :history * number)::bigint AS seconds,
        floor(u * u * :cards)::bigint AS card, floor(v * v * v * :merchants)::bigint AS merchant,
        100 + floor(w * w * w * 50000)::bigint AS amount
    FROM (SELECT number, random() AS u, random() AS v, random() AS w FROM generate_series(0, :history - 1) number) drawn
) payment,
    LATERAL (VALUES (1::smallint, 'c_' || card), (2, 'u_' || card * 2 / 3), (3, 'm_' || merchant), (4, 'd_' || card * 2 / 3)) e (entity, key),
    (VALUES (1::smallint, 60), (2, 300), (3, 3600), (4, 86400)) l (level, width)
GROUP BY entity, key, level, seconds / width;
ANALYZE tile;
