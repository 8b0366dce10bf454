using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Serverless.Hosting;

/// <summary>Traces and metrics over OTLP, when the standard setting <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector; nothing is
/// loaded otherwise. Traces go on from the host's <c>traceparent</c>.</summary>
internal static class Otlp
{
    public static void Add(WebApplicationBuilder builder, string app)
    {
        if (string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])) return;
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(app, "serverless"))
            .WithTracing(traces => traces
                .AddAspNetCoreInstrumentation(options => options.Filter = context => context.Request.Path != "/") // the host's probe
                .AddHttpClientInstrumentation()
                .AddSource("Serverless.*")
                .AddOtlpExporter())
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddMeter("Serverless.*")
                .AddOtlpExporter());
    }
}
