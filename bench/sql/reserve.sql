WITH held AS (
  UPDATE inventory.item SET status = 'RESERVED', reservation_id = nextval('inventory.reservation_id_seq'),
    reserved_until = now() + interval '1 day', version = version + 1, updated_at = now()
  WHERE id = :item AND status = 'AVAILABLE' AND deleted_at IS NULL
  RETURNING *
), hold AS (
  INSERT INTO inventory.reservation (id, item_id, holder_id, holder_name, created_at, expires_at)
  SELECT reservation_id, id, '1', 'bench', updated_at, reserved_until FROM held
), ledger AS (
  INSERT INTO inventory.movement (item_id, sequence, action, variant_id, before_status, after_status, before_location,
    after_location, unit_cost, cost_currency, actor_id, actor_name, actor_role, created_at)
  SELECT id, version, 'RESERVE', variant_id, 'AVAILABLE', status, location, location, unit_cost, cost_currency,
    '1', 'bench', 'ADMIN', updated_at
  FROM held
  RETURNING *
), announced AS (
  INSERT INTO inventory.outbox (kind, key, payload)
  SELECT 'stock', item_id::text, convert_to(json_build_array(item_id, variant_id, before_status, after_status, action, id,
    after_location, order_reference, (extract(epoch from created_at) * 1000000)::bigint,
    pg_current_xact_id()::text::bigint)::text, 'UTF8')
  FROM ledger
)
SELECT id, version FROM held;
