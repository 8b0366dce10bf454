using Serverless.Faults;
using Serverless.Local.KeyVault;

namespace Serverless.Local.Tests.KeyVault;

/// <summary>Each refusal in the service's words. That the paths lead here is shown by the tests of each operation.</summary>
public class VaultErrorTests
{
    [Theory]
    [InlineData("argument-invalid", 400, "BadParameter", null)]
    [InlineData("key-parameter", 400, "BadParameter", null)]
    [InlineData("digest-length", 400, "BadParameter", null)]
    [InlineData("token-missing", 401, "Unauthorized", null)]
    [InlineData("token-expired", 401, "Unauthorized", null)]
    [InlineData("token-audience", 401, "Unauthorized", null)]
    [InlineData("caller-role", 403, "Forbidden", "ForbiddenByRbac")]
    [InlineData("key-purge", 403, "Forbidden", "ForbiddenByPolicy")]
    [InlineData("key-disabled", 403, "Forbidden", "KeyDisabled")]
    [InlineData("key-not-yet-valid", 403, "Forbidden", "KeyNotYetValid")]
    [InlineData("key-expired", 403, "Forbidden", "KeyExpired")]
    [InlineData("key-operation", 403, "Forbidden", "KeyOperationForbidden")]
    [InlineData("key-not-found", 404, "KeyNotFound", null)]
    [InlineData("key-deleted", 409, "Conflict", "ObjectIsDeletedButRecoverable")]
    [InlineData("body-size", 413, "BadParameter", null)]
    [InlineData("throttled", 429, "Throttled", null)]
    public void A_fault_is_said_as_the_service_says_it(string fault, int status, string code, string? inner)
    {
        var said = VaultErrors.Of(new Fault(fault, "x"));
        Assert.Equal((status, code, inner), (said.Status, said.Code, said.Inner));
    }

    [Fact]
    public void A_fault_without_words_is_a_bug() => Assert.Throws<System.Diagnostics.UnreachableException>(() => VaultErrors.Of(new Fault("unheard-of", "x")));
}
