"""What was asked aloud during a call: spoken questions and conversations of the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "spoken_conversation"


def _guard_append_only() -> None:
    """As in 0001: what was recorded is never rewritten, whatever program opens the database."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, 'append-only: {TABLE} cannot be rewritten'); END"
        )


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("talk", sa.String(length=20), nullable=False),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_spoken_conversation_conversation_id")),
        sa.PrimaryKeyConstraint("talk", "conversation_id", name=op.f("pk_spoken_conversation")),
    )
    _guard_append_only()


def downgrade() -> None:
    op.drop_table(TABLE)
