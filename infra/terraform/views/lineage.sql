-- Where each published export came from: one row a grading run, however often it was appended.
SELECT *
FROM `${dataset}.runs`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY batch_id, grading_run ORDER BY finished_at) = 1
