WITH chosen AS (
  SELECT id FROM inventory.item WHERE variant_id = :variant AND status = 'AVAILABLE' AND deleted_at IS NULL
  ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
), sold AS (
  UPDATE inventory.item SET status = 'SOLD', sold_at = now(), order_reference = 'bench', version = version + 1,
    updated_at = now()
  FROM chosen WHERE item.id = chosen.id
  RETURNING item.*
), ledger AS (
  INSERT INTO inventory.movement (item_id, sequence, action, variant_id, before_status, after_status, before_location,
    after_location, unit_cost, cost_currency, order_reference, actor_id, actor_name, actor_role, created_at)
  SELECT id, version, 'SELL', variant_id, 'AVAILABLE', status, location, location, unit_cost, cost_currency,
    order_reference, '1', 'bench', 'ADMIN', updated_at
  FROM sold
  RETURNING *
), announced AS (
  INSERT INTO inventory.outbox (kind, key, payload)
  SELECT 'stock', item_id::text, convert_to(json_build_array(item_id, variant_id, before_status, after_status, action, id,
    after_location, order_reference, (extract(epoch from created_at) * 1000000)::bigint,
    pg_current_xact_id()::text::bigint)::text, 'UTF8')
  FROM ledger
)
SELECT id, version FROM sold;
