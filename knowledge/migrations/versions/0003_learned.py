"""What is learned from questions: attached phrasings and confirmed answers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "learned_phrasing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fiche_id", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("exchange_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchange.id"], name=op.f("fk_learned_phrasing_exchange_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned_phrasing")),
    )
    with op.batch_alter_table("learned_phrasing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_learned_phrasing_fiche_id"), ["fiche_id"], unique=False)

    op.create_table(
        "confirmed_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("fiche_id", sa.String(length=80), nullable=False),
        sa.Column("exchange_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchange.id"], name=op.f("fk_confirmed_answer_exchange_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmed_answer")),
        sa.UniqueConstraint("exchange_id", name=op.f("uq_confirmed_answer_exchange_id")),
    )


def downgrade() -> None:
    op.drop_table("confirmed_answer")
    with op.batch_alter_table("learned_phrasing", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_learned_phrasing_fiche_id"))

    op.drop_table("learned_phrasing")
