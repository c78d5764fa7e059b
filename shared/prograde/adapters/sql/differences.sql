-- Recomputes every aggregate of one grading run from the raw rows that its ledgers name, by rules written here a
-- second time, and lists what differs from the stored one. BigQuery's dialect; sqlglot transpiles it for DuckDB.
WITH counted AS (
  SELECT r.professional_id, r.agent_key, line.step AS step, line.stage AS stage, line.raw_id AS raw_id
  FROM results AS r
  CROSS JOIN UNNEST(r.ledger) AS line
  WHERE r.batch_id = @batch_id AND r.grading_run = @grading_run
),
records AS (
  SELECT
    c.professional_id, c.agent_key, c.step, c.stage, record.position AS position, record.key AS key,
    record.rejection AS rejection, record.status AS status, record.is_sale AS is_sale,
    record.list_price_cents AS list_price_cents, record.close_price_cents AS close_price_cents,
    record.close_date AS close_date, record.list_agent AS list_agent, record.co_list_agent AS co_list_agent,
    record.buyer_agent AS buyer_agent, record.co_buyer_agent AS co_buyer_agent
  FROM counted AS c
  INNER JOIN raw_pages AS p ON p.raw_id = c.raw_id
  CROSS JOIN UNNEST(p.records) AS record
),
shared AS (
  SELECT
    *,
    CASE
      WHEN @attribution = 'list_only' THEN CASE WHEN list_agent = agent_key THEN 2 ELSE 0 END
      ELSE
        CASE
          WHEN agent_key IS DISTINCT FROM list_agent AND agent_key IS DISTINCT FROM co_list_agent THEN 0
          WHEN @attribution = 'split' AND list_agent <> co_list_agent THEN 1
          ELSE 2
        END + CASE
          WHEN agent_key IS DISTINCT FROM buyer_agent AND agent_key IS DISTINCT FROM co_buyer_agent THEN 0
          WHEN @attribution = 'split' AND buyer_agent <> co_buyer_agent THEN 1
          ELSE 2
        END
    END AS half_sides
  FROM records
  WHERE rejection IS NULL
),
qualified AS (
  SELECT *
  FROM shared
  WHERE is_sale AND (
    (
      stage = 'historical' AND status = 'closed' AND half_sides > 0
      AND close_date BETWEEN CAST(@cutoff AS DATE) AND CAST(@as_of AS DATE)
    ) OR (
      stage = 'active' AND status = 'active' AND (
        list_agent = agent_key OR co_list_agent = agent_key OR (list_agent IS NULL AND co_list_agent IS NULL)
      )
    )
  )
),
once AS (
  SELECT *
  FROM qualified
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY professional_id, stage, key ORDER BY step, position) = 1
),
summed AS (
  SELECT
    professional_id,
    SUM(CASE WHEN stage = 'historical' THEN half_sides * COALESCE(close_price_cents, 0) ELSE 0 END) AS half_cents,
    SUM(CASE WHEN stage = 'historical' THEN half_sides ELSE 0 END) AS half_sides,
    SUM(CASE WHEN stage = 'historical' AND close_price_cents IS NULL THEN half_sides ELSE 0 END) AS unpriced_half_sides,
    SUM(CASE WHEN stage = 'historical' THEN 1 ELSE 0 END) AS sold_count,
    SUM(CASE WHEN stage = 'historical' THEN COALESCE(close_price_cents, 0) ELSE 0 END) AS sold_cents,
    SUM(CASE WHEN stage = 'active' THEN 1 ELSE 0 END) AS active_count,
    SUM(CASE WHEN stage = 'active' THEN COALESCE(list_price_cents, 0) ELSE 0 END) AS active_cents,
    MIN(CASE WHEN stage = 'historical' THEN close_date END) AS first_close,
    MAX(CASE WHEN stage = 'historical' THEN close_date END) AS last_close
  FROM once
  GROUP BY professional_id
),
rejected AS (
  SELECT professional_id, COUNT(*) AS rejected_records FROM records WHERE rejection IS NOT NULL GROUP BY professional_id
),
compared AS (
  SELECT
    r.professional_id,
    r.half_cents AS stored_half_cents, COALESCE(s.half_cents, 0) AS half_cents,
    r.half_sides AS stored_half_sides, COALESCE(s.half_sides, 0) AS half_sides,
    r.unpriced_half_sides AS stored_unpriced_half_sides, COALESCE(s.unpriced_half_sides, 0) AS unpriced_half_sides,
    r.sold_count AS stored_sold_count, COALESCE(s.sold_count, 0) AS sold_count,
    r.sold_cents AS stored_sold_cents, COALESCE(s.sold_cents, 0) AS sold_cents,
    r.active_count AS stored_active_count, COALESCE(s.active_count, 0) AS active_count,
    r.active_cents AS stored_active_cents, COALESCE(s.active_cents, 0) AS active_cents,
    r.first_close AS stored_first_close, s.first_close AS first_close,
    r.last_close AS stored_last_close, s.last_close AS last_close,
    r.rejected_records AS stored_rejected_records, COALESCE(j.rejected_records, 0) AS rejected_records
  FROM results AS r
  LEFT JOIN summed AS s ON s.professional_id = r.professional_id
  LEFT JOIN rejected AS j ON j.professional_id = r.professional_id
  WHERE r.batch_id = @batch_id AND r.grading_run = @grading_run
),
pairs AS (
  SELECT professional_id, 'half_cents' AS field, CAST(stored_half_cents AS STRING) AS stored, CAST(half_cents AS STRING) AS recomputed FROM compared
  UNION ALL
  SELECT professional_id, 'half_sides', CAST(stored_half_sides AS STRING), CAST(half_sides AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'unpriced_half_sides', CAST(stored_unpriced_half_sides AS STRING), CAST(unpriced_half_sides AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'sold_count', CAST(stored_sold_count AS STRING), CAST(sold_count AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'sold_cents', CAST(stored_sold_cents AS STRING), CAST(sold_cents AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'active_count', CAST(stored_active_count AS STRING), CAST(active_count AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'active_cents', CAST(stored_active_cents AS STRING), CAST(active_cents AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'first_close', CAST(stored_first_close AS STRING), CAST(first_close AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'last_close', CAST(stored_last_close AS STRING), CAST(last_close AS STRING) FROM compared
  UNION ALL
  SELECT professional_id, 'rejected_records', CAST(stored_rejected_records AS STRING), CAST(rejected_records AS STRING) FROM compared
)
SELECT professional_id, field, COALESCE(stored, 'none') AS stored, COALESCE(recomputed, 'none') AS recomputed
FROM pairs
WHERE stored IS DISTINCT FROM recomputed
ORDER BY professional_id, field
LIMIT @limit
