using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Every fault of a whole message or its envelope, made once: refusing allocates nothing. In the order they are checked.</summary>
internal static class MessageFaults
{
    /// <summary><c>identity-ended</c>: the back end has ended this device; what it still sends is evidence, not data.</summary>
    public static readonly Fault IdentityEnded = new("identity-ended", "deviceId");

    /// <summary><c>event-empty</c>: no body.</summary>
    public static readonly Fault Empty = new("event-empty", "body");

    /// <summary><c>event-too-large</c>: a body beyond the profile's bytes, or beyond 262,144.</summary>
    public static readonly Fault TooLarge = new("event-too-large", "body");

    /// <summary><c>content-type-missing</c>: the device did not say what the body is; guessing is how parsers get confused.</summary>
    public static readonly Fault ContentTypeMissing = new("content-type-missing", "contentType");

    /// <summary><c>content-type-unsupported</c>: neither <c>application/json</c> nor <c>application/cbor</c>.</summary>
    public static readonly Fault ContentTypeUnsupported = new("content-type-unsupported", "contentType");

    /// <summary><c>content-type-not-allowed</c>: supported, but not by this profile.</summary>
    public static readonly Fault ContentTypeNotAllowed = new("content-type-not-allowed", "contentType");

    /// <summary><c>content-encoding-unsupported</c>: none of absent, <c>identity</c>, <c>utf-8</c> and <c>gzip</c>.</summary>
    public static readonly Fault ContentEncodingUnsupported = new("content-encoding-unsupported", "contentEncoding");

    /// <summary><c>gzip-malformed</c>: not one member of RFC 1952 with a right checksum and nothing after it.</summary>
    public static readonly Fault GzipMalformed = new("gzip-malformed", "body");

    /// <summary><c>gzip-too-large</c>: inflates beyond the profile's bytes; inflating stops there.</summary>
    public static readonly Fault GzipTooLarge = new("gzip-too-large", "body");

    /// <summary><c>json-malformed</c>: not RFC 8259.</summary>
    public static readonly Fault JsonMalformed = new("json-malformed", "body");

    /// <summary><c>json-bom</c>: a byte order mark before the text (RFC 8259 section 8.1).</summary>
    public static readonly Fault JsonBom = new("json-bom", "body");

    /// <summary><c>json-invalid-utf8</c>: a text that is not UTF-8.</summary>
    public static readonly Fault JsonInvalidUtf8 = new("json-invalid-utf8", "body");

    /// <summary><c>json-lone-surrogate</c>: an escaped surrogate without its other half.</summary>
    public static readonly Fault JsonLoneSurrogate = new("json-lone-surrogate", "body");

    /// <summary><c>json-duplicate-member</c>: one object has a name twice; two readers would take different values.</summary>
    public static readonly Fault JsonDuplicateMember = new("json-duplicate-member", "body");

    /// <summary><c>json-trailing-data</c>: something after the value.</summary>
    public static readonly Fault JsonTrailingData = new("json-trailing-data", "body");

    /// <summary><c>cbor-malformed</c>: not well-formed (RFC 8949 section 5.3.1 and appendix F).</summary>
    public static readonly Fault CborMalformed = new("cbor-malformed", "body");

    /// <summary><c>cbor-truncated</c>: ends inside an item.</summary>
    public static readonly Fault CborTruncated = new("cbor-truncated", "body");

    /// <summary><c>cbor-invalid-utf8</c>: a text string that is not UTF-8.</summary>
    public static readonly Fault CborInvalidUtf8 = new("cbor-invalid-utf8", "body");

    /// <summary><c>cbor-key-type</c>: a map key that is not text.</summary>
    public static readonly Fault CborKeyType = new("cbor-key-type", "body");

    /// <summary><c>cbor-duplicate-key</c>: one map has a key twice.</summary>
    public static readonly Fault CborDuplicateKey = new("cbor-duplicate-key", "body");

    /// <summary><c>cbor-tag</c>: a tag other than 0 on text, 2 and 3 on at most 16 bytes, 4 on a small decimal fraction, and 55799 in front.</summary>
    public static readonly Fault CborTag = new("cbor-tag", "body");

    /// <summary><c>cbor-trailing-data</c>: something after the item.</summary>
    public static readonly Fault CborTrailingData = new("cbor-trailing-data", "body");

    /// <summary><c>depth-too-great</c>: more than 8 containers inside each other.</summary>
    public static readonly Fault TooDeep = new("depth-too-great", "body");

    /// <summary><c>members-too-many</c>: more than 256 names unknown to the profile, or of nested objects.</summary>
    public static readonly Fault TooManyMembers = new("members-too-many", "body");

    /// <summary><c>text-too-long</c>: a text or name of more than 4,096 bytes.</summary>
    public static readonly Fault TextTooLong = new("text-too-long", "body");

    /// <summary><c>number-too-long</c>: a number of more than 128 characters.</summary>
    public static readonly Fault NumberTooLong = new("number-too-long", "body");

    /// <summary><c>number-not-finite</c>: a number no double can hold (1e400), or CBOR's infinities and NaN.</summary>
    public static readonly Fault NumberNotFinite = new("number-not-finite", "body");

    /// <summary><c>message-not-object</c>: well-formed, but no object (map).</summary>
    public static readonly Fault NotObject = new("message-not-object", "body");

    /// <summary><c>member-unknown</c>: the message has a member that is none of the five.</summary>
    public static readonly Fault MemberUnknown = new("member-unknown", "body");

    /// <summary><c>message-id-missing</c></summary>
    public static readonly Fault MessageIdMissing = new("message-id-missing", "messageId");

    /// <summary><c>message-id-type</c>: not text.</summary>
    public static readonly Fault MessageIdType = new("message-id-type", "messageId");

    /// <summary><c>message-id-length</c>: empty or more than 128 bytes.</summary>
    public static readonly Fault MessageIdLength = new("message-id-length", "messageId");

    /// <summary><c>sent-at-missing</c></summary>
    public static readonly Fault SentAtMissing = new("sent-at-missing", "sentAt");

    /// <summary><c>sent-at-type</c>: not text.</summary>
    public static readonly Fault SentAtType = new("sent-at-type", "sentAt");

    /// <summary><c>sent-at-format</c>: not an instant of RFC 3339 from 1970 to 2999, or a leap second.</summary>
    public static readonly Fault SentAtFormat = new("sent-at-format", "sentAt");

    /// <summary><c>sequence-missing</c></summary>
    public static readonly Fault SequenceMissing = new("sequence-missing", "sequence");

    /// <summary><c>sequence-type</c>: not a number written without fraction and exponent.</summary>
    public static readonly Fault SequenceType = new("sequence-type", "sequence");

    /// <summary><c>sequence-range</c>: below 0 or above 2^53-1.</summary>
    public static readonly Fault SequenceRange = new("sequence-range", "sequence");

    /// <summary><c>device-id-type</c>: not text.</summary>
    public static readonly Fault DeviceIdType = new("device-id-type", "deviceId");

    /// <summary><c>metrics-missing</c></summary>
    public static readonly Fault MetricsMissing = new("metrics-missing", "metrics");

    /// <summary><c>metrics-type</c>: not an object (map).</summary>
    public static readonly Fault MetricsType = new("metrics-type", "metrics");

    /// <summary><c>identity-missing</c>: the hub stamped no device id; such an event did not come through an IoT hub.</summary>
    public static readonly Fault IdentityMissing = new("identity-missing", "deviceId");

    /// <summary><c>identity-spoofed</c>: the body names another device than the hub's stamp.</summary>
    public static readonly Fault IdentitySpoofed = new("identity-spoofed", "deviceId");

    /// <summary><c>profile-unknown</c>: no profile is known for the device.</summary>
    public static readonly Fault ProfileUnknown = new("profile-unknown", "profile");

    /// <summary><c>metric-unknown</c>: a metric the profile does not know. The path ends before the name: that is the device's text.</summary>
    public static readonly Fault MetricUnknown = new("metric-unknown", "metrics");

    /// <summary><c>clock-ahead</c>: sent after it arrived, by more than the clock skew allowed.</summary>
    public static readonly Fault ClockAhead = new("clock-ahead", "sentAt");

    /// <summary><c>sent-too-late</c>: sent longer before it arrived than the profile allows.</summary>
    public static readonly Fault SentTooLate = new("sent-too-late", "sentAt");

    /// <summary><c>sent-at-backwards</c>: a new sequence number, but sent before the last event by more than the clock skew: a
    /// recording from before a reset.</summary>
    public static readonly Fault SentAtBackwards = new("sent-at-backwards", "sentAt");

    /// <summary><c>sequence-replayed</c>: this sequence number was accepted before.</summary>
    public static readonly Fault SequenceReplayed = new("sequence-replayed", "sequence");

    /// <summary><c>sequence-stale</c>: 64 or more behind, and not sent later than the last event, so no restart either.</summary>
    public static readonly Fault SequenceStale = new("sequence-stale", "sequence");

    /// <summary><c>message-id-repeated</c>: one of the last eight message ids again.</summary>
    public static readonly Fault MessageIdRepeated = new("message-id-repeated", "messageId");

    /// <summary><c>rate-exceeded</c>: more messages than the profile's rate and burst, in event time.</summary>
    public static readonly Fault RateExceeded = new("rate-exceeded", "body");
}
