#pragma once

// What the audit log keeps of a /v2/ call: every change, every refusal of a caller who gave credentials, and
// what was read in another repository to spare a push (design-access 6). Other reads are not audited, nor is
// the first request of every client, which asks for the challenge.

#include <chrono>

#include "events/audit_log.h"
#include "http/response.h"
#include "oci/call.h"

namespace entrepot::oci {

bool IsAudited(const Call& call, const Result<http::Response>& result);
events::AuditRecord AuditRecordOf(const Call& call, const Result<http::Response>& result,
                                  std::chrono::microseconds took);
/// Of a call that has read_from: that read.
events::AuditRecord SourceReadRecordOf(const Call& call, std::chrono::microseconds took);

}  // namespace entrepot::oci
