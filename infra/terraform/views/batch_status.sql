-- Where each batch stands: its latest status. For the operations team.
SELECT
  batch_id,
  status,
  at,
  JSON_VALUE(document, '$.source') AS source,
  NULLIF(JSON_VALUE(document, '$.reason'), '') AS reason,
  CAST(JSON_VALUE(document, '$.roster.professionals') AS INT64) AS professionals,
  JSON_VALUE(document, '$.parameters.as_of') AS as_of,
  CAST(JSON_VALUE(document, '$.grading_run') AS INT64) AS grading_run,
  JSON_VALUE(document, '$.created_at') AS created_at,
  JSON_VALUE(document, '$.finished_at') AS finished_at,
  NULLIF(JSON_VALUE(document, '$.export_digest'), '') AS export_digest
FROM `${dataset}.batches`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY batch_id
  ORDER BY at DESC, CAST(JSON_VALUE(document, '$.grading_run') AS INT64) DESC, finished_at IS NULL
) = 1
