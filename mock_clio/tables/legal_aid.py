"""The legal aid part of a matter, which only firms in England and Wales have."""

from mock_clio.tables.declare import declare

LEGAL_AID_UK_MATTER = declare(
    "LegalAidUkMatter",
    "id:i64 etag:str access_point:str ait_hearing_centre:i32 "
    "attended_several_hearings_acting_for_multiple_clients:bool bill_ho_ucn:str "
    "bill_number_of_attendances:i32 bill_outcome_for_the_client_code:i32 bill_stage_reached_code:i32 "
    "case_reference:str case_start_date:date category:i32 category_as_string:str "
    "certificate_effective_date:date certificate_expiration_date:date certificate_number:str "
    "certificate_scope:str certification_type:i32 change_of_solicitor:bool "
    "client_equal_opportunity_monitoring:str client_type:i32 clr_start_date:date clr_total_profit_costs:str "
    "cost_limit:str counsel:i32 court:i32 court_id:i32 court_id_code:str created_at:datetime "
    "delivery_location:str dscc_number:str duty_solicitor:bool exceptional_case_funding_reference:str "
    "expense_limit:str fee_scheme:i32 first_conducting_solicitor:bool irc_surgery:str laa_office_number:str "
    "legacy_case:str legal_representation_number:str lh_start_date:str lh_total_disbursements:str "
    "lh_total_profit_costs:str linked_matter_id:i64 local_authority_number:str maat_id:str matter_type:i32 "
    "matter_type_1:i32 matter_type_1_code:str matter_type_1_title:str matter_type_2:i32 "
    "matter_type_2_code:str matter_type_2_title:str matter_type_code:str matter_types_combined:str "
    "number_of_clients:i32 number_of_clients_seen_at_surgery:i32 party:i32 police_station:str "
    "post_transfer_clients_represented:i32 postal_application_accepted:str prior_authority_reference:str "
    "prison_id:i32 prison_law_prior_approval_number:str procurement_area:str region:i32 "
    "related_claims_number:str representation_order_date:date schedule_reference_number:str scheme_id:str "
    "session_type:i32 solicitor_type:i32 standard_fee_category:i32 surgery_clients:i32 "
    "surgery_clients_resulting_in_a_legal_help_matter_opened:i32 surgery_date:date transfer_date:date "
    "type_of_advice:i32 type_of_service:str ucn:str ufn:str undesignated_area_court:bool updated_at:datetime "
    "user_type:i32 youth_court:bool",
)

SCHEMAS = (LEGAL_AID_UK_MATTER,)
