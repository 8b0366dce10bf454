using System.Text.Json;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.FunctionsHost.Handler;

/// <summary>Runs functions: attempts, functionTimeout, retry policies. Thread-safe.</summary>
internal sealed class Invoker(FunctionsHostOptions options, AppFolder app, HandlerSupervisor supervisor, HostMetrics metrics)
{
    /// <summary>Fresh <c>sys</c> of an attempt.</summary>
    public Sys NewSys(string function) => new(function, options.Clock.GetUtcNow(), HostIdentity.NewId());

    /// <summary>Runs an event or timer function with its retry policy: every attempt has the same invocation id.</summary>
    /// <param name="function">The function.</param>
    /// <param name="body">Writes the request of an attempt.</param>
    /// <param name="cancel">Ends attempts and waits; the host stops or the partition moved.</param>
    /// <returns>Whether an attempt succeeded.</returns>
    /// <exception cref="OperationCanceledException">Cancelled: nobody knows whether the attempt in flight took effect.</exception>
    public async Task<bool> Run(FunctionDefinition function, Func<Sys, RetryContext?, HostText> body, CancellationToken cancel)
    {
        var id = HostIdentity.NewId();
        AttemptFailure? failure = null;
        for (var retry = 0; ; retry++)
        {
            var context = function.Retry is { } policy ? new RetryContext(retry, policy.MaxRetryCount, failure) : null;
            var answer = await Attempt(function.Name, id, () => body(NewSys(function.Name), context), cancel).ConfigureAwait(false);
            foreach (var line in answer.Logs) options.Log.InvocationLogged(options.Name, function.Name, line);
            if (answer.Kind == AnswerKind.Completed) return true;
            cancel.ThrowIfCancellationRequested();
            options.Log.InvocationFailed(options.Name, function.Name, retry + 1, answer.Reason!);
            if (function.Retry?.Allows(retry) != true) return false;
            failure = new AttemptFailure(id, function.Name, answer.StatusCode, answer.Reason!);
            await Task.Delay(function.Retry.Delay(retry + 1, id), options.Clock, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>One attempt.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<HandlerAnswer> Attempt(string function, Guid invocation, Func<HostText> body, CancellationToken cancel)
    {
        HostText text;
        try
        {
            text = body();
        }
        catch (JsonException error)
        {
            return Failed(function, HandlerAnswer.Failure($"Exception binding parameter: {error.Message}"));
        }

        return await Guarded(
            function,
            async (process, limit) =>
            {
                var answer = await process.Client.Post(function, invocation, text, limit).ConfigureAwait(false);
                if (answer.Kind == AnswerKind.NeverCompletes) await Task.Delay(Timeout.InfiniteTimeSpan, options.Clock, limit).ConfigureAwait(false);
                return answer;
            },
            HandlerAnswer.Failure,
            answer => answer.Kind == AnswerKind.Completed,
            cancel).ConfigureAwait(false);
    }

    /// <summary>Runs any exchange with the handler under functionTimeout: when time is up, the handler is killed and started anew.</summary>
    /// <typeparam name="T">What the exchange yields.</typeparam>
    public async Task<T> Guarded<T>(
        string function, Func<HandlerProcess, CancellationToken, Task<T>> exchange, Func<string, int?, T> failure, Func<T, bool> succeeded, CancellationToken cancel)
    {
        var process = await supervisor.Ready(cancel).ConfigureAwait(false);
        metrics.Of(function).Attempt();
        using var timeout = new CancellationTokenSource(app.Host.FunctionTimeout ?? Timeout.InfiniteTimeSpan, options.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        try
        {
            var result = await exchange(process, either.Token).ConfigureAwait(false);
            return succeeded(result) ? result : Failed(function, result);
        }
        catch (Exception error) when (timeout.IsCancellationRequested && !cancel.IsCancellationRequested && error is OperationCanceledException or HttpRequestException)
        {
            options.Log.FunctionTimedOut(options.Name, function, app.Host.FunctionTimeout!.Value);
            supervisor.Restart(process);
            return Failed(function, failure($"Timeout value of {app.Host.FunctionTimeout:c} exceeded by function 'Functions.{function}'.", null));
        }
        catch (HttpRequestException error)
        {
            return Failed(function, failure(error.Message, null)); // the handler died or broke the connection
        }
    }

    private T Failed<T>(string function, T result)
    {
        metrics.Of(function).Failure();
        return result;
    }
}
