using Serverless.Faults;
using Spectre.Console;

namespace Serverless.FirmwareSigning.ReleaseCommand.Terminal;

/// <summary>One run of one command: how it speaks with the person, and what was asked of every command.</summary>
/// <param name="at">Terminal, clock, environment.</param>
/// <param name="json">Results as JSON.</param>
/// <param name="yes">Questions are answered with yes.</param>
/// <param name="dryRun">Nothing is signed, sent or written.</param>
/// <param name="profile">Name or path of the profile, or <see langword="null"/>.</param>
internal sealed class Session(Surroundings at, bool json, bool yes, bool dryRun, string? profile)
{
    /// <summary>Terminal, clock, environment.</summary>
    public Surroundings At => at;

    /// <summary>Results as JSON.</summary>
    public bool Json => json;

    /// <summary>Nothing is signed, sent or written.</summary>
    public bool DryRun => dryRun;

    /// <summary>Name or path of the profile, or <see langword="null"/>.</summary>
    public string? Profile => profile;

    /// <summary>The run's one reading of the clock.</summary>
    public DateTimeOffset Now { get; } = at.Clock.GetUtcNow();

    /// <summary>A line for the person, never part of the result.</summary>
    /// <param name="line">May hold text of others.</param>
    public void Say(string line) => at.Error.WriteLine(Printable.Of(line));

    /// <summary>Shows something the person is to judge before the result exists.</summary>
    /// <param name="outcome">What.</param>
    public void Show(Outcome outcome) => outcome.Show(at.ConsoleOn(at.Error));

    /// <summary>Asks for a word that is not typed by accident.</summary>
    /// <param name="question">What will happen.</param>
    /// <param name="word">The word that means yes.</param>
    /// <returns>Nothing, or <c>not-confirmed</c>: another word, or nobody to ask and no <c>--yes</c>.</returns>
    public Fault? Confirm(string question, string word)
    {
        if (yes) return null;
        if (!at.IsInteractive) return new Fault("not-confirmed", "--yes");
        return at.Ask($"{Printable.Of(question)} Type \"{Printable.Of(word)}\" to go on: ")?.Trim() == word ? null : new Fault("not-confirmed", "answer");
    }

    /// <summary>Does something with a bar, if there is a person to see it.</summary>
    /// <typeparam name="T">What it yields.</typeparam>
    /// <param name="what">What is going on.</param>
    /// <param name="total">Bytes in all.</param>
    /// <param name="act">The work; it reports bytes done.</param>
    public async Task<T> WithBar<T>(string what, long total, Func<IProgress<long>, Task<T>> act)
    {
        if (!at.IsInteractive || json) return await act(new Silent()).ConfigureAwait(false);
        return await at.ConsoleOn(at.Error).Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask(Markup.Escape(Printable.Of(what)), maxValue: Math.Max(1, total));
                var result = await act(new Moving(bar)).ConfigureAwait(false);
                bar.Value = bar.MaxValue;
                return result;
            }).ConfigureAwait(false);
    }

    private sealed class Silent : IProgress<long>
    {
        public void Report(long value)
        {
        }
    }

    private sealed class Moving(ProgressTask bar) : IProgress<long>
    {
        public void Report(long value) => bar.Value = value;
    }
}
