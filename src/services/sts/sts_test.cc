#include "services/sts/sts.h"

#include <gtest/gtest.h>

#include "aws/query_codec.h"

namespace entrepot::sts {
namespace {

TEST(Sts, EveryModelledOperationIsServedOrRefusedWithAReason) {
  Sts sts;
  EXPECT_EQ(aws::FaultsOf(StsService(sts)), std::vector<std::string>());
}

TEST(Sts, ItsOnlyPresignedOperationIsGetCallerIdentityAndItNeedsNoPermission) {
  Sts sts;
  const aws::Service service = StsService(sts);
  EXPECT_TRUE(service.global);
  for (const aws::Operation& row : service.operations) {
    EXPECT_EQ(row.presigned, row.model->name == "GetCallerIdentity");
    EXPECT_EQ(row.action.empty(), row.model->name == "GetCallerIdentity");
  }
}

TEST(Sts, GetCallerIdentityNamesTheCaller) {
  Sts sts;
  const aws::CallContext call{.account = AccountId::Trusted("123456789012"),
                              .region = Region::Trusted("us-west-2"),
                              .caller = std::make_shared<const access::Caller>(access::Caller{
                                  AccountId::Trusted("123456789012"), "AIDAEXAMPLE",
                                  "arn:aws:iam::123456789012:user/admin", "admin", "AKIAEXAMPLE"})};
  const Result<GetCallerIdentityResponse> answer = GetCallerIdentity(sts, call, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->account, "123456789012");
  EXPECT_EQ(answer->arn, "arn:aws:iam::123456789012:user/admin");
  EXPECT_EQ(answer->user_id, "AIDAEXAMPLE");
  EXPECT_EQ(aws::WriteXml(model::kGetCallerIdentity, model::kService.xml_namespace, &*answer, "id-1"),
            "<GetCallerIdentityResponse "
            "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"
            "<Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/admin</"
            "Arn><UserId>AIDAEXAMPLE</UserId>"
            "</GetCallerIdentityResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>"
            "</GetCallerIdentityResponse>");
}

}  // namespace
}  // namespace entrepot::sts
