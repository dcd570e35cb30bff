"""Ready rules for warnings, as they would stand in a study file; a study's own fields replace theirs.

They expect tables `calls` (kind, direction, seconds), `forwarding` (a row a day with forwarding on), `states` (a row a change
of state), `bills` (a row a month: amount, due_on, paid), `contracts` (ends_on) and `usage` (a row a month: gigabytes), each
with a `date`. Where a study's tables are called otherwise, the study says so beside `ready`.
"""

from collections.abc import Mapping
from typing import Any

_DAILY: dict[str, Any] = {"frequency": "daily", "days": 1}
_MONTHLY: dict[str, Any] = {"frequency": "monthly", "days": 31}

READY: Mapping[str, Mapping[str, Any]] = {
    "competitor_hotline": _DAILY
    | {
        "level": 1,
        "table": "calls",
        "function": "rows",
        "where": {"kind": "competitor_hotline", "direction": "out"},
        "at_least": 1,
        "wording": {"en": "called a competitor's hotline", "zh": "拨打竞争对手客服热线"},
    },
    "competitor_call": _DAILY
    | {
        "level": 1,
        "table": "calls",
        "function": "max",
        "column": "seconds",
        "where": {"kind": "competitor_hotline", "direction": "in"},
        "above": 60,
        "wording": {"en": "took a competitor's call for over a minute", "zh": "接听竞争对手来电超过一分钟"},
    },
    "forwarded": _DAILY
    | {
        "level": 1,
        "table": "forwarding",
        "function": "rows",
        "where": {"to": "other_operator"},
        "days": 4,
        "above": 3,
        "wording": {"en": "calls forwarded to another operator for over 3 days", "zh": "呼叫转移至他网号码超过3天"},
    },
    "suspended": _DAILY
    | {
        "level": 2,
        "table": "states",
        "function": "last",
        "column": "state",
        "equals": "suspended",
        "days": 31,
        "wording": {"en": "service suspended to keep the number", "zh": "停机保号"},
    },
    "nearly_overdue": _DAILY
    | {
        "level": 2,
        "table": "bills",
        "function": "last",
        "column": "due_on",
        "where": {"paid": False},
        "at_least": 0,
        "at_most": 3,
        "days": 62,
        "wording": {"en": "payment nearly overdue", "zh": "即将逾期未交费"},
    },
    "zero_bill": _MONTHLY
    | {
        "level": 1,
        "table": "bills",
        "function": "last",
        "column": "amount",
        "at_most": 0,
        "wording": {"en": "zero bill this month", "zh": "当月零话费"},
    },
    "bill_fell": _MONTHLY
    | {
        "level": 1,
        "table": "bills",
        "function": "mean",
        "column": "amount",
        "past_days": 123,
        "past_at_least": 10,
        "at_most": 0.5,
        "wording": {"en": "bill fell sharply", "zh": "话费突减"},
    },
    "contract_ends": _MONTHLY
    | {
        "level": 1,
        "table": "contracts",
        "function": "last",
        "column": "ends_on",
        "at_least": 0,
        "at_most": 92,
        "days": 1100,
        "wording": {"en": "contract ends within 3 months", "zh": "协议三个月内到期"},
    },
    "data_fell": _MONTHLY
    | {
        "level": 2,
        "table": "usage",
        "function": "sum",
        "column": "gigabytes",
        "past_days": 123,
        "past_at_least": 1,
        "at_most": 0.5,
        "wording": {"en": "data traffic fell sharply", "zh": "流量突减"},
    },
    "overdue": _MONTHLY
    | {
        "level": 2,
        "table": "bills",
        "function": "last",
        "column": "due_on",
        "where": {"paid": False},
        "below": 0,
        "days": 123,
        "wording": {"en": "payment overdue", "zh": "逾期未交费"},
    },
}
