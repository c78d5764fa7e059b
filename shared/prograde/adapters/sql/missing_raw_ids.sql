-- Raw rows that a ledger of the grading run counts and that cannot be seen (yet).
SELECT DISTINCT line.raw_id AS raw_id
FROM results AS r
CROSS JOIN UNNEST(r.ledger) AS line
LEFT JOIN raw_pages AS p ON p.raw_id = line.raw_id
WHERE r.batch_id = @batch_id AND r.grading_run = @grading_run AND p.raw_id IS NULL
ORDER BY raw_id
LIMIT @limit
