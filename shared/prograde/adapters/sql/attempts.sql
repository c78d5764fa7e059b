-- The calls that were made for one professional, in the order of their steps; the same raw_id is the same answer.
SELECT
  raw_id,
  step,
  stage,
  page,
  outcome,
  COALESCE(detail, '') AS detail,
  sent_at,
  latency_ms,
  url,
  status,
  SUBSTR(COALESCE(body, body_base64, ''), 1, @body_max) AS body,
  agent_key,
  records
FROM raw_page_log
WHERE batch_id = @batch_id AND professional_id = @professional_id
QUALIFY ROW_NUMBER() OVER (PARTITION BY raw_id ORDER BY sent_at) = 1
ORDER BY step, sent_at
