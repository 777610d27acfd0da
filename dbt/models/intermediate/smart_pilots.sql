-- Smart-community pilots that a community carries out itself. Only what is certain says that it is the pilot: a
-- programme that names no community in force is no reason to hold anyone to a pilot's target.
with programmes as (
    select * from {{ ref('stg_civil_programmes') }}
    where row_state = 'accepted' and kind = 'smart_pilot' and status <> 'cancelled'
),

communities as (
    select * from {{ ref('unit_months') }}
    where unit_level = 'community'
)

select
    programmes.month,
    programmes.supplier_id,
    programmes.row_state,
    communities.unit_code as community_code
from programmes
inner join communities
    on programmes.unit_code = communities.unit_code and programmes.month = communities.month
