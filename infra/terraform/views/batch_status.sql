-- Where each batch stands: its latest status, for the operations team.
SELECT
  batch_id,
  status,
  -- A pause is told of again and again; its epoch is its own.
  MIN(`at`) OVER (
    PARTITION BY batch_id, status, JSON_VALUE(document, '$.grading_run'), JSON_VALUE(document, '$.epoch')
  ) AS since,
  JSON_VALUE(document, '$.source') AS source,
  NULLIF(JSON_VALUE(document, '$.reason'), '') AS reason,
  CAST(JSON_VALUE(document, '$.roster.professionals') AS INT64) AS professionals,
  CAST(JSON_VALUE(document, '$.parameters.as_of') AS DATE) AS as_of,
  CAST(JSON_VALUE(document, '$.grading_run') AS INT64) AS grading_run,
  CAST(JSON_VALUE(document, '$.created_at') AS TIMESTAMP) AS created_at,
  CAST(JSON_VALUE(document, '$.finished_at') AS TIMESTAMP) AS finished_at,
  NULLIF(JSON_VALUE(document, '$.export_digest'), '') AS export_digest
FROM `${dataset}.batches`
WHERE TRUE
-- A status that came at the same instant as another is the later one if it is further on.
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY batch_id
  ORDER BY
    `at` DESC,
    CAST(JSON_VALUE(document, '$.grading_run') AS INT64) DESC,
    JSON_VALUE(document, '$.finished_at') IS NULL
) = 1
