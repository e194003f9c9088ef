// The JSON input cases of protobuf's conformance suite that concern the types of our schema, by the suite's names.

import ClinicMessages
import ProtobufC
import TestMessages
import Testing

private struct AcceptedJSON: Sendable, CustomTestStringConvertible {
    let name: String
    let json: String
    let message: EveryType

    init(_ name: String, _ json: String, _ message: EveryType) {
        self.name = name
        self.json = json
        self.message = message
    }

    var testDescription: String { name }
}

private let accepted = [
    AcceptedJSON("FieldNameInSnakeCase", #"{"int32_value": 1}"#, EveryType(int32Value: 1)),
    AcceptedJSON("FieldNameInLowerCamelCase", #"{"int32Value": 1}"#, EveryType(int32Value: 1)),
    AcceptedJSON("FieldNameEscaped", #"{"int32\u0056alue": 1}"#, EveryType(int32Value: 1)),
    AcceptedJSON("AllFieldAcceptNull", #"{"int32Value": null, "strings": null, "part": null}"#, EveryType()),
    AcceptedJSON("Int32FieldMaxValue", #"{"int32Value": 2147483647}"#, EveryType(int32Value: .max)),
    AcceptedJSON("Int32FieldMinValue", #"{"int32Value": -2147483648}"#, EveryType(int32Value: .min)),
    AcceptedJSON("Uint32FieldMaxValue", #"{"uint32Value": 4294967295}"#, EveryType(uint32Value: .max)),
    AcceptedJSON(
        "Int64FieldMaxValue", #"{"int64Value": "9223372036854775807"}"#, EveryType(int64Value: .max)),
    AcceptedJSON(
        "Int64FieldMaxValueNotQuoted", #"{"int64Value": 9223372036854775807}"#, EveryType(int64Value: .max)),
    AcceptedJSON(
        "Int64FieldMinValueNotQuoted", #"{"int64Value": -9223372036854775808}"#, EveryType(int64Value: .min)),
    AcceptedJSON(
        "Uint64FieldMaxValueNotQuoted", #"{"uint64Value": 18446744073709551615}"#,
        EveryType(uint64Value: .max)),
    AcceptedJSON("Int32FieldFloatTrailingZero", #"{"int32Value": 1.000000}"#, EveryType(int32Value: 1)),
    AcceptedJSON("Int32FieldExponentialFormat", #"{"int32Value": 1e5}"#, EveryType(int32Value: 100_000)),
    AcceptedJSON("Int32FieldQuotedExponential", #"{"int32Value": "1e5"}"#, EveryType(int32Value: 100_000)),
    AcceptedJSON(
        "Int32FieldMaxFloatValue", #"{"int32Value": 2147483647.0}"#, EveryType(int32Value: .max)),
    AcceptedJSON(
        "Int32FieldStringValueEscaped", #"{"int32Value": "2\u003147483647"}"#, EveryType(int32Value: .max)),
    AcceptedJSON(
        "a whole number with a fraction of zero", #"{"int64Value": 9007199254740993.0}"#,
        EveryType(int64Value: 9_007_199_254_740_993)),
    AcceptedJSON(
        "a whole number beyond 2^53 with an exponent", #"{"int64Value": 1e18}"#,
        EveryType(int64Value: 1_000_000_000_000_000_000)),
    AcceptedJSON(
        "an exponent that shortens the number", #"{"int64Value": 1200000e-5}"#,
        EveryType(int64Value: 12)),
    AcceptedJSON(
        "an exponent after a fraction", #"{"int64Value": -92233720368547758.08E+2}"#,
        EveryType(int64Value: .min)),
    AcceptedJSON("zero with any exponent", #"{"int64Value": -0.00e99999999999999999999}"#, EveryType()),
    AcceptedJSON("BoolFieldTrue", #"{"boolValue": true}"#, EveryType(boolValue: true)),
    AcceptedJSON(
        "FloatFieldMinPositiveValue", #"{"floatValue": 1.17549435e-38}"#,
        EveryType(floatValue: .leastNormalMagnitude)),
    AcceptedJSON("FloatFieldInfinity", #"{"floatValue": "-Infinity"}"#, EveryType(floatValue: -.infinity)),
    AcceptedJSON("DoubleFieldQuotedValue", #"{"doubleValue": "1"}"#, EveryType(doubleValue: 1)),
    AcceptedJSON(
        "DoubleFieldMaxPositiveValue", #"{"doubleValue": 1.7976931348623157e+308}"#,
        EveryType(doubleValue: .greatestFiniteMagnitude)),
    AcceptedJSON("EnumField", #"{"colour": "COLOUR_DEEP_RED"}"#, EveryType(colour: .deepRed)),
    AcceptedJSON("EnumFieldNumericValueNonZero", #"{"colour": -1}"#, EveryType(colour: .ultraviolet)),
    AcceptedJSON("EnumFieldUnknownValue", #"{"colour": 123}"#, EveryType(colour: .unrecognized(123))),
    AcceptedJSON(
        "StringFieldUnicodeEscapeWithLowercaseHexLetters", #"{"stringValue": "\u8c37\u6b4c"}"#,
        EveryType(stringValue: "谷歌")),
    AcceptedJSON(
        "StringFieldSurrogatePair", #"{"stringValue": "\uD83D\uDE01"}"#,
        EveryType(stringValue: "\u{1f601}")),
    AcceptedJSON("BytesFieldBase64Url", #"{"bytesValue": "-_"}"#, EveryType(bytesValue: [0xfb])),
    AcceptedJSON(
        "OneofFieldNullFirst", #"{"chosenNumber": null, "chosenText": "test"}"#,
        EveryType(choice: .chosenText("test"))),
    AcceptedJSON(
        "OneofFieldNullSecond", #"{"chosenText": "test", "chosenNumber": null}"#,
        EveryType(choice: .chosenText("test"))),
    AcceptedJSON("PrimitiveRepeatedField", #"{"sint32s": [1, 2, -3]}"#, EveryType(sint32s: [1, 2, -3])),
    AcceptedJSON(
        "MessageRepeatedField", #"{"parts": [{"id": "1"}, {"name": "x"}]}"#,
        EveryType(parts: [.init(id: 1), .init(name: "x")])),
]

@Test(arguments: accepted)
private func `JSON that the conformance suite accepts is accepted`(_ input: AcceptedJSON) throws {
    #expect(
        try EveryType(decoding: EveryType.descriptor.bytes(json: input.json), limits: .client)
            == input.message)
}

@Test(arguments: [
    ("Int32FieldTooLarge", #"{"int32Value": 2147483648}"#),
    ("Int32FieldTooSmall", #"{"int32Value": -2147483649}"#),
    ("Uint32FieldTooLarge", #"{"uint32Value": 4294967296}"#),
    ("Int64FieldTooLarge", #"{"int64Value": "9223372036854775808"}"#),
    ("Uint64FieldTooLarge", #"{"uint64Value": "18446744073709551616"}"#),
    ("Uint64FieldNegative", #"{"uint64Value": -1}"#), ("Int32FieldNotInteger", #"{"int32Value": 0.5}"#),
    ("a fraction beyond 2^53", #"{"int64Value": 4503599627370497.5}"#),
    ("an exponent that leaves a fraction", #"{"int64Value": 12e-2}"#),
    ("an exponent beyond every integer", #"{"int64Value": 1e99999999999999999999}"#),
    ("an exponent below every integer", #"{"int64Value": 1e-99999999999999999999}"#),
    ("Int32FieldLeadingZero", #"{"int32Value": 01}"#),
    ("Int32FieldNegativeWithLeadingZero", #"{"int32Value": -01}"#),
    ("Int32FieldLeadingSpace", #"{"int32Value": " 1"}"#),
    ("Int32FieldTrailingSpace", #"{"int32Value": "1 "}"#), ("Int32FieldPlusSign", #"{"int32Value": +1}"#),
    ("Int32FieldStringValuePartiallyNumeric", #"{"int32Value": "12abc"}"#),
    ("Int32FieldStringValueNonNumeric", #"{"int32Value": "abc"}"#),
    ("Int32FieldEmptyString", #"{"int32Value": ""}"#),
    ("BoolFieldIntegerZero", #"{"boolValue": 0}"#), ("BoolFieldDoubleQuotedTrue", #"{"boolValue": "true"}"#),
    ("BoolFieldCamelCaseTrue", #"{"boolValue": True}"#), ("FloatFieldNanNotQuoted", #"{"floatValue": NaN}"#),
    ("FloatFieldTooLarge", #"{"floatValue": 3.502823e+38}"#),
    ("DoubleFieldTooSmall", #"{"doubleValue": -1.89769e+308}"#),
    ("EnumFieldNotQuoted", #"{"colour": COLOUR_DEEP_RED}"#),
    ("EnumFieldUnknownName", #"{"colour": "COLOUR_DEEP_REDDER"}"#),
    ("an enumeration's name with more after U+0000", #"{"colour": "COLOUR_DEEP_RED\u0000ER"}"#),
    ("a field's name with more after U+0000", #"{"int32Value\u0000": 1}"#),
    ("a field's name in look-alike letters", #"{"int32\u212aalue": 1}"#),
    ("StringFieldNotAString", #"{"stringValue": 12345}"#),
    ("StringFieldUnpairedHighSurrogate", #"{"stringValue": "\uD800"}"#),
    ("StringFieldUnpairedLowSurrogate", #"{"stringValue": "\uDC00"}"#),
    ("StringFieldSurrogateInWrongOrder", #"{"stringValue": "\uDE01\uD83D"}"#),
    ("StringFieldInvalidEscape", #"{"stringValue": "\U8c37"}"#),
    ("BytesFieldInvalidBase64Characters", #"{"bytesValue": "!!!!"}"#),
    ("OneofFieldDuplicate", #"{"chosenNumber": 1, "chosenText": "test"}"#),
    ("FieldNameDuplicate", #"{"int32Value": 1, "int32Value": 2}"#),
    ("FieldNameDuplicateDifferentCasing", #"{"int32_value": 1, "int32Value": 2}"#),
    ("FieldNameNotQuoted", #"{int32Value: 1}"#), ("SingleQuotes", "{'int32Value': 1}"),
    ("TrailingCommaInAnObject", #"{"int32Value": 1,}"#),
    ("JsonWithComments", "{ // comment\n \"int32Value\": 1}"),
    ("RepeatedFieldTrailingComma", #"{"sint32s": [1, 2,]}"#),
    ("RepeatedFieldPrimitiveElementIsNull", #"{"sint32s": [1, null]}"#),
    ("RepeatedFieldMessageElementIsNull", #"{"parts": [{}, null]}"#),
    ("RepeatedFieldWrongElementType", #"{"sint32s": [1, "a"]}"#),
    ("MessageFieldNotMessage", #"{"part": "text"}"#),
])
private func `JSON that the conformance suite refuses is refused`(_ name: String, _ json: String) {
    #expect(throws: JSONDecodingError.self) { try EveryType.descriptor.bytes(json: json) }
}
