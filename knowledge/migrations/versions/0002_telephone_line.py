"""The telephone line: phone scripts and their events, orders, state of the line, calls."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("script_version", "script_event", "line_state", "line_effect", "call_event", "phone_call", "line_check")


def _guard_append_only() -> None:
    """As in 0001: what was recorded is never rewritten, whatever program opens the database."""
    for table in APPEND_ONLY:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
            )
        else:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'append-only: {table} cannot be rewritten'); END"
                )


def upgrade() -> None:
    op.create_table(
        "call_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("call", sa.String(length=80), nullable=False),
        sa.Column("channel", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_event")),
        sa.UniqueConstraint("source", "offset", name=op.f("uq_call_event_source_offset")),
    )
    with op.batch_alter_table("call_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_call_event_call"), ["call"], unique=False)

    op.create_table(
        "callback_request",
        sa.Column("call", sa.String(length=80), nullable=False),
        sa.Column("service_id", sa.String(length=60), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("call", name=op.f("pk_callback_request")),
    )
    op.create_table(
        "line_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_check")),
    )
    op.create_table(
        "line_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("switched_on", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exercise", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_state")),
    )
    op.create_table(
        "phone_call",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=True),
        sa.Column("proof", sa.Boolean(), nullable=False),
        sa.Column("welcomed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=True),
        sa.Column("path", sa.JSON(), nullable=False),
        sa.Column("heard", sa.JSON(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("transfers", sa.JSON(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("announced", sa.Boolean(), nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("wait_seconds", sa.Double(), nullable=True),
        sa.Column("rings", sa.Integer(), nullable=True),
        sa.Column("ended_in", sa.String(length=40), nullable=True),
        sa.Column("end", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_call")),
    )
    with op.batch_alter_table("phone_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_phone_call_started_at"), ["started_at"], unique=False)

    op.create_table(
        "record_cursor",
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_record_cursor")),
    )
    op.create_table(
        "script_version",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("script_id", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_script_version")),
    )
    with op.batch_alter_table("script_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_script_version_script_id"), ["script_id"], unique=False)

    op.create_table(
        "transfer_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("call", sa.String(length=80), nullable=False),
        sa.Column("service_id", sa.String(length=60), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_request")),
    )
    op.create_table(
        "staff_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_staff_key_digest")),
    )
    op.create_table(
        "line_effect",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["state_id"], ["line_state.id"], name=op.f("fk_line_effect_state_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_effect")),
        sa.UniqueConstraint("state_id", "channel", name=op.f("uq_line_effect_state_id_channel")),
    )
    op.create_table(
        "script_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["version"], ["script_version.number"], name=op.f("fk_script_event_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_script_event")),
        sa.UniqueConstraint("key", name=op.f("uq_script_event_key")),
    )
    with op.batch_alter_table("script_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_script_event_version"), ["version"], unique=False)

    op.create_table(
        "script_order",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("service_id", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("impact", sa.String(length=20), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_working", sa.Date(), nullable=False),
        sa.Column("due_calendar", sa.Date(), nullable=False),
        sa.Column("counted_in", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("answered_by", sa.String(length=120), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["version"], ["script_version.number"], name=op.f("fk_script_order_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_script_order")),
    )

    _guard_append_only()


def downgrade() -> None:
    op.drop_table("staff_key")
    op.drop_table("script_order")
    with op.batch_alter_table("script_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_script_event_version"))

    op.drop_table("script_event")
    op.drop_table("line_effect")
    op.drop_table("transfer_request")
    with op.batch_alter_table("script_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_script_version_script_id"))

    op.drop_table("script_version")
    op.drop_table("record_cursor")
    with op.batch_alter_table("phone_call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_phone_call_started_at"))

    op.drop_table("phone_call")
    op.drop_table("line_state")
    op.drop_table("line_check")
    op.drop_table("callback_request")
    with op.batch_alter_table("call_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_event_call"))

    op.drop_table("call_event")
