const MOST = 80
let number = 0

function make(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

export function render({ model }) {
  const id = `classes-${++number}`
  const root = make('div', 'at')
  const picker = make('div', 'picker')
  const search = make('div', 'search')
  const mode = make('select')
  mode.setAttribute('aria-label', 'What to do with the classes that you choose')
  for (const [value, text] of [['keep', 'Keep only'], ['leave_out', 'Leave out']]) {
    const option = make('option', '', text)
    option.value = value
    mode.append(option)
  }
  const input = make('input')
  Object.assign(input, { type: 'search', placeholder: 'Search classes', autocomplete: 'off', spellcheck: false })
  for (const [key, value] of Object.entries({
    'role': 'combobox', 'aria-label': 'Alert classes', 'aria-expanded': 'false', 'aria-controls': id,
    'aria-autocomplete': 'list',
  })) input.setAttribute(key, value)
  const list = make('div', 'list box')
  list.id = id
  list.hidden = true
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', 'Alert classes')
  list.setAttribute('aria-multiselectable', 'true')
  const chips = make('div', 'chips')
  const status = make('div', 'hidden')
  status.setAttribute('role', 'status')
  search.append(mode, input)
  picker.append(search, list)
  root.append(picker, chips, status)

  let options = []
  let active = -1

  function found() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean)
    return model.labels.filter(({ label, group, also }) => {
      const text = `${label} ${group} ${(also || []).join(' ')}`.toLowerCase()
      return words.every((word) => text.includes(word))
    })
  }

  function fill() {
    const all = found()
    const chosen = model[mode.value]
    const nodes = []
    let group = null
    let box = null
    options = []
    for (const one of all.slice(0, MOST)) {
      if (one.group !== group) {
        group = one.group
        box = make('div')
        box.setAttribute('role', 'group')
        box.setAttribute('aria-label', group)
        const head = make('div', 'group', group)
        head.setAttribute('aria-hidden', 'true')
        box.append(head)
        nodes.push(box)
      }
      const option = make('div', 'option')
      option.id = `${id}-${options.length}`
      option.dataset.label = one.label
      option.setAttribute('role', 'option')
      option.setAttribute('aria-selected', String(chosen.includes(one.label)))
      option.append(make('span', 'name', one.name))
      if (one.also && one.also.length) option.lastChild.append(make('span', 'hint', ` also ${one.also.join(', ')}`))
      if (one.count !== null && one.count !== undefined)
        option.append(make('span', 'count', numberText(one.count)))
      option.addEventListener('mousedown', (event) => event.preventDefault())
      option.addEventListener('click', () => toggle(one.label))
      options.push(option)
      box.append(option)
    }
    if (!all.length) {
      const typed = input.value.trim()
      nodes.push(make('div', 'group', typed ? `No class has “${typed}” in its name; Enter takes it as it is` : 'No classes are known'))
    } else if (all.length > MOST) {
      nodes.push(make('div', 'group', `and ${all.length - MOST} more: type a part of the name`))
    }
    list.replaceChildren(...nodes)
    status.textContent = list.hidden ? '' : `${all.length} classes`
    point(Math.min(active, options.length - 1))
  }

  function numberText(count) {
    if (!model.is_about) return count.toLocaleString('en')
    return `about ${Number(count.toPrecision(2)).toLocaleString('en')}`
  }

  function point(to) {
    active = to
    options.forEach((option, at) => option.classList.toggle('active', at === active))
    if (active >= 0 && !list.hidden) {
      input.setAttribute('aria-activedescendant', options[active].id)
      options[active].scrollIntoView({ block: 'nearest' })
    } else input.removeAttribute('aria-activedescendant')
  }

  function open(is) {
    if (list.hidden === !is) return
    list.hidden = !is
    input.setAttribute('aria-expanded', String(is))
    if (is) { active = -1; fill() } else point(-1)
  }

  function toggle(label) {
    const mine = mode.value
    const other = mine === 'keep' ? 'leave_out' : 'keep'
    const has = model[mine].includes(label)
    if (!has && model[other].includes(label)) model[other] = model[other].filter((one) => one !== label)
    model[mine] = has ? model[mine].filter((one) => one !== label) : [...model[mine], label]
    input.select()
  }

  function show() {
    const nodes = []
    for (const [key, words, css] of [['keep', 'Keep only', 'chip'], ['leave_out', 'Leave out', 'chip out']]) {
      if (!model[key].length) continue
      nodes.push(make('span', 'hint', words))
      for (const label of model[key]) {
        const chip = make('span', css, label)
        const button = make('button', '', '×')
        button.type = 'button'
        button.setAttribute('aria-label', `Remove ${label} from “${words}”`)
        button.addEventListener('click', () => {
          model[key] = model[key].filter((one) => one !== label)
          input.focus()
          open(false)
        })
        chip.append(button)
        nodes.push(chip)
      }
    }
    if (!nodes.length) nodes.push(make('span', 'hint', 'Leave this empty to receive every class.'))
    if (model.note) nodes.push(make('span', 'hint', model.note))
    chips.replaceChildren(...nodes)
    if (!list.hidden) fill()
  }

  input.addEventListener('focus', () => open(true))
  input.addEventListener('click', () => open(true))
  input.addEventListener('blur', () => open(false))
  input.addEventListener('input', () => { open(true); active = -1; fill() })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      if (list.hidden) return open(true)
      const step = event.key === 'ArrowDown' ? 1 : -1
      if (options.length) point((active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length)
    } else if (event.key === 'Enter' && !list.hidden) {
      event.preventDefault()
      const typed = input.value.trim()
      if (active >= 0) toggle(options[active].dataset.label)
      else if (options.length === 1) toggle(options[0].dataset.label)
      else if (typed && !options.length) { toggle(typed); input.value = ''; fill() }
    } else if (event.key === 'Escape' && !list.hidden) {
      event.stopPropagation()
      open(false)
    }
  })
  mode.addEventListener('change', () => { if (!list.hidden) fill() })
  model.on('labels', () => { if (!list.hidden) fill() })
  model.on('note', show)
  model.on('is_about', show)
  model.on('keep', show)
  model.on('leave_out', show)
  show()
  return root
}
