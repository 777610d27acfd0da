"""The KPIs of the fixture, with their targets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.support.edition.shapes import Goal, Kpi

KPIS = (
    Kpi(
        "temporary_resident_registration_rate", "暂住人口登记率", "Temporary residents registered", "population",
        "rate", "stock", "percent", "police", ("grid_residents", "police_residence_registrations"),
        (Goal("D3-TRR", "D3", ">=", Decimal(95), "§4"),), tolerance=Decimal("0.5"),
        levels=("grid", "community", "street", "county"),
    ),
    Kpi(
        "dispute_handling_rate", "民事纠纷调处率", "Civil disputes handled", "safety",
        "rate", "flow", "percent", "grid_management", ("grid_disputes",),
        (Goal("D3-DHR", "D3", "=", Decimal(100), "§5"),),
    ),
    Kpi(
        "dispute_mediation_success_rate", "调解成功率", "Mediations that succeeded", "safety",
        "rate", "flow", "percent", "grid_management", ("grid_disputes",),
        (Goal("D3-DMS", "D3", ">=", Decimal(95), "§5"),),
    ),
    Kpi(
        "criminal_cases", "刑事案件", "Criminal cases", "safety",
        "count", "flow", "cases", "police", ("police_case_returns",),
        (Goal("D3-CRC", "D3", "=", Decimal(0), "§2"),), decimals=0,
    ),
    Kpi(
        "police_room_count", "警务室数", "Police rooms", "safety",
        "count", "stock", "rooms", "police", ("police_rooms",),
        (
            Goal("D4-PRC", "D4", ">=", Decimal(1), "§13", level_scope="community"),
            Goal("B-PRC", "B", ">=", Decimal(1), "2.3", level_scope="community", plan_end=date(2020, 12, 31)),
        ), decimals=0,
    ),
    Kpi(
        "grid_event_closure_rate", "网格事件结案率", "Grid events closed", "safety",
        "rate", "flow", "percent", "grid_management", ("grid_events",),
        levels=("grid", "community", "street", "county"),
    ),
    Kpi(
        "facility_area_per_100_households", "每百户综合服务设施面积", "Service area per 100 households", "facilities",
        "ratio", "stock", "m2_per_100_households", "civil_affairs", ("civil_facilities", "grid_grids"),
        (Goal("C-FAH", "C", ">=", Decimal(30), "2.4", class_scope="urban"),),
    ),
    Kpi(
        "elderly_care_area_per_100_households", "每百户养老服务设施面积", "Elderly-care area per 100 households",
        "facilities", "ratio", "stock", "m2_per_100_households", "civil_affairs", ("civil_facilities",),
        (Goal("B-ECA", "B", "range", Decimal(20), "2.1.2", Decimal(30), "lower", plan_end=date(2020, 12, 31)),),
    ),
    Kpi(
        "staff_pay_floor_yuan", "最低月报酬", "Lowest monthly pay", "organisation",
        "count", "stock", "yuan", "civil_affairs", ("civil_staff",), decimals=2,
    ),
    Kpi(
        "smart_pilot_communities", "智慧社区试点数", "Pilots of smart communities", "programmes",
        "count", "stock", "communities", "civil_affairs", ("civil_programmes",),
        (Goal("B-SPC", "B", "=", Decimal(1), "2.2.3", level_scope="county"),), decimals=0, levels=("county",),
    ),
)  # fmt: skip
