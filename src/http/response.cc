#include "http/response.h"

namespace entrepot::http {

Response& Response::Add(std::string_view name, std::string_view value) {
  fields.reserve(fields.size() + name.size() + value.size() + 4);
  fields.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

Response TextResponse(int status, std::string_view content_type, std::string body) {
  Response response;
  response.status = status;
  response.Add("Content-Type", content_type);
  response.body = std::move(body);
  return response;
}

}  // namespace entrepot::http
